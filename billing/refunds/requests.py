"""Refunds asked for by whoever paid; whether they are given is for the creator or an operator to say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from billing.refunds.tables import refund_request
from billing.refunds.taking import Sale
from billing.subscriptions.tables import sale

Status = Literal["open", "granted", "declined", "withdrawn"]


class RefundAlreadyRequested(Exception):
    """A refund of this payment was asked for and is not answered yet."""


class RefundRequestNotFound(Exception):
    """There is no such request of this buyer's, or to this creator."""


class RefundRequestClosed(Exception):
    """The request was granted, declined or withdrawn before."""


@dataclass(frozen=True)
class RefundRequestFact:
    """What was asked for, and how it was answered. Who asked is not in it: a tip may be anonymous.

    ``paid`` is what the payment was, ``answer`` what its buyer is told when it is declined.
    """

    id: UUID
    sale_id: UUID
    kind: str
    subscription_id: UUID | None
    knowledge_base_id: UUID | None
    paid: Money
    refunded: Money
    reason: str
    status: Status
    answer: str | None
    refund_id: UUID | None
    created_at: datetime
    answered_at: datetime | None


async def ask(
    session: AsyncSession, sold: Sale, *, id: UUID, account_id: UUID, reason: str
) -> RefundRequestFact:
    """Keeps the request. Raises ``RefundAlreadyRequested``."""
    row = await session.execute(
        insert(refund_request)
        .values(
            id=id,
            sale_id=sold.id,
            subscription_id=sold.subscription_id,
            account_id=account_id,
            creator_id=sold.creator_id,
            reason=reason,
            status="open",
        )
        .on_conflict_do_nothing(
            index_elements=[refund_request.c.sale_id], index_where=sa.text("status = 'open'")
        )
        .returning(refund_request.c.id)
    )
    if row.one_or_none() is None:
        raise RefundAlreadyRequested("A refund of this payment was asked for already.")
    return await find(session, id=id)


async def find(
    session: AsyncSession | AsyncConnection,
    *,
    id: UUID,
    account_id: UUID | None = None,
    creator_id: UUID | None = None,
) -> RefundRequestFact:
    """The request, by this buyer or to this creator if one is named. Raises ``RefundRequestNotFound``."""
    query = _selected().where(refund_request.c.id == id)
    if account_id is not None:
        query = query.where(refund_request.c.account_id == account_id)
    if creator_id is not None:
        query = query.where(refund_request.c.creator_id == creator_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise RefundRequestNotFound("There is no such request.")
    return _fact(row)


async def close(
    session: AsyncSession,
    id: UUID,
    *,
    status: Status,
    by: UUID,
    answer: str | None = None,
    refund_id: UUID | None = None,
) -> None:
    """Answers or withdraws an open request. Raises ``RefundRequestClosed``."""
    row = await session.execute(
        sa.update(refund_request)
        .where(refund_request.c.id == id, refund_request.c.status == "open")
        .values(
            status=status,
            answer=answer,
            answered_by=by,
            refund_id=refund_id,
            answered_at=sa.func.zhihao_now(),
        )
        .returning(refund_request.c.id)
    )
    if row.one_or_none() is None:
        raise RefundRequestClosed("This request was answered or withdrawn already.")


async def granted_by(session: AsyncSession, *, sale_id: UUID, refund_id: UUID, by: UUID | None) -> None:
    """The refund gives an open request for the sale, if there is one, what it asked for."""
    await session.execute(
        sa.update(refund_request)
        .where(refund_request.c.sale_id == sale_id, refund_request.c.status == "open")
        .values(status="granted", answered_by=by, refund_id=refund_id, answered_at=sa.func.zhihao_now())
    )


async def reopen(session: AsyncSession, *, refund_id: UUID) -> None:
    """The refund that granted a request came to nothing: it is open again, unless another is."""
    another = refund_request.alias()
    await session.execute(
        sa.update(refund_request)
        .where(
            refund_request.c.refund_id == refund_id,
            refund_request.c.status == "granted",
            sa.not_(
                sa.exists().where(another.c.sale_id == refund_request.c.sale_id, another.c.status == "open")
            ),
        )
        .values(status="open", answered_by=None, refund_id=None, answered_at=None)
    )


async def list_of(
    session: AsyncSession | AsyncConnection,
    *,
    account_id: UUID | None = None,
    creator_id: UUID | None = None,
    status: Status | None = None,
    before: UUID | None,
    limit: int,
) -> list[RefundRequestFact]:
    """A buyer's requests, those to a creator, or everybody's; newest first, from below ``before``."""
    query = _selected()
    if account_id is not None:
        query = query.where(refund_request.c.account_id == account_id)
    if creator_id is not None:
        query = query.where(refund_request.c.creator_id == creator_id)
    if status is not None:
        query = query.where(refund_request.c.status == status)
    if before is not None:
        query = query.where(refund_request.c.id < before)
    rows = await session.execute(query.order_by(refund_request.c.id.desc()).limit(limit))
    return [_fact(row) for row in rows]


async def newest_of(
    session: AsyncSession | AsyncConnection, sale_ids: Sequence[UUID]
) -> dict[UUID, RefundRequestFact]:
    """The newest request for each of the sales, by the sale's id."""
    query = _selected().where(refund_request.c.sale_id.in_(sale_ids)).order_by(refund_request.c.id)
    # The later ones take the place of the earlier.
    return {row.sale_id: _fact(row) for row in await session.execute(query)}


def _selected() -> sa.Select[Any]:
    return sa.select(
        refund_request,
        sale.c.kind,
        sale.c.knowledge_base_id,
        sale.c.amount.label("paid"),
        sale.c.refunded,
        sale.c.currency,
    ).join(sale, sale.c.id == refund_request.c.sale_id)


def _fact(row: sa.Row[Any]) -> RefundRequestFact:
    return RefundRequestFact(
        id=row.id,
        sale_id=row.sale_id,
        kind=row.kind,
        subscription_id=row.subscription_id,
        knowledge_base_id=row.knowledge_base_id,
        paid=Money(row.paid, row.currency),
        refunded=Money(row.refunded, row.currency),
        reason=row.reason,
        status=row.status,
        answer=row.answer,
        refund_id=row.refund_id,
        created_at=row.created_at,
        answered_at=row.answered_at,
    )
