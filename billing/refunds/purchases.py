"""What a person bought: payments, what of them came back, and what they opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.entitlements.tables import access_grant
from billing.money import Money
from billing.refunds import giving, requests
from billing.refunds.giving import RefundFact
from billing.refunds.requests import RefundRequestFact
from billing.refunds.taking import SaleNotFound
from billing.subscriptions.sales import Kind
from billing.subscriptions.tables import sale

EVERY = 1000


@dataclass(frozen=True)
class Opened:
    """The grant that a purchase made; ``revoked_at`` is set while it opens nothing."""

    knowledge_base_id: UUID
    starts_at: datetime
    ends_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class Purchase:
    """One payment. ``tax`` is in ``price``; ``refunded`` is what was given back so far.

    ``disputed`` while a bank has the money. ``opened`` is None for a tip; a subscription's payments share
    one. ``refund_request`` is the newest.
    """

    id: UUID
    kind: Kind
    status: Literal["paid", "partially_refunded", "refunded", "disputed"]
    knowledge_base_id: UUID | None
    plan_id: UUID | None
    subscription_id: UUID | None
    tip_id: UUID | None
    price: Money
    tax: Money
    refunded: Money
    paid_at: datetime
    period_start: datetime | None
    period_end: datetime | None
    opened: Opened | None
    refunds: list[RefundFact]
    refund_request: RefundRequestFact | None


async def list_of(
    session: AsyncSession | AsyncConnection, *, account_id: UUID, before: UUID | None, limit: int
) -> list[Purchase]:
    """The account's payments, newest first, from below ``before``."""
    query = sa.select(sale).where(sale.c.account_id == account_id)
    if before is not None:
        query = query.where(sale.c.id < before)
    rows = (await session.execute(query.order_by(sale.c.id.desc()).limit(limit))).all()
    return await _purchases(session, rows)


async def find(session: AsyncSession | AsyncConnection, *, id: UUID, account_id: UUID) -> Purchase:
    """One of the account's payments. Raises ``SaleNotFound``."""
    query = sa.select(sale).where(sale.c.id == id, sale.c.account_id == account_id)
    rows = (await session.execute(query)).all()
    if not rows:
        raise SaleNotFound("There is no such purchase.")
    return (await _purchases(session, rows))[0]


async def _purchases(session: AsyncSession | AsyncConnection, rows: Sequence[sa.Row[Any]]) -> list[Purchase]:
    ids = [row.id for row in rows]
    refunds = await giving.list_of(session, ids, before=None, limit=EVERY)
    asked = await requests.newest_of(session, ids)
    opened = await _opened(session, [source for row in rows for source in (row.id, row.subscription_id)])
    return [
        Purchase(
            id=row.id,
            kind=row.kind,
            status=_status(row),
            knowledge_base_id=row.knowledge_base_id,
            plan_id=row.plan_id,
            subscription_id=row.subscription_id,
            tip_id=row.tip_id,
            price=Money(row.amount, row.currency),
            tax=Money(row.tax, row.currency),
            refunded=Money(row.refunded, row.currency),
            paid_at=row.paid_at,
            period_start=row.period_start,
            period_end=row.period_end,
            opened=opened.get(row.subscription_id or row.id),
            refunds=[refund for refund in refunds if refund.sale_id == row.id],
            refund_request=asked.get(row.id),
        )
        for row in rows
    ]


async def _opened(
    session: AsyncSession | AsyncConnection, source_ids: Sequence[UUID | None]
) -> dict[UUID, Opened]:
    query = sa.select(access_grant).where(
        access_grant.c.source.in_(["subscription", "pass"]),
        access_grant.c.source_id.in_([id for id in source_ids if id is not None]),
    )
    return {
        row.source_id: Opened(row.knowledge_base_id, row.starts_at, row.ends_at, row.revoked_at)
        for row in await session.execute(query)
    }


def _status(row: sa.Row[Any]) -> Literal["paid", "partially_refunded", "refunded", "disputed"]:
    if row.disputed:
        return "disputed"
    if row.refunded >= row.amount:
        return "refunded"
    return "partially_refunded" if row.refunded else "paid"
