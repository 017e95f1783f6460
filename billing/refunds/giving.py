"""Refunds on our side: kept before they are asked of the processor, never for more than is left."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money, decimals
from billing.refunds.tables import dispute, refund
from billing.refunds.taking import Sale
from billing.subscriptions.tables import sale

NOTHING_GIVEN = ("failed", "canceled", "refused")


class InvalidRefund(Exception):
    """An amount that no refund of this sale can have."""

    pointer = "/amount"


class RefundTooLarge(Exception):
    """More than is left of the sale."""

    pointer = "/amount"


class NothingToRefund(Exception):
    """Nothing was paid, or all of it was given back, or is about to be."""


class ChargeDisputed(Exception):
    """The buyer's bank has taken the money, or is about to: what is left is settled there."""


@dataclass(frozen=True)
class RefundFact:
    """``status``: pending until the money has left, then succeeded; failed when it came back, canceled or
    refused when it never left. ``requires_action``: of the buyer."""

    id: UUID
    sale_id: UUID
    amount: Money
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled", "refused"]
    reason: str
    failure_reason: str | None
    created_at: datetime


@dataclass(frozen=True)
class Asked:
    """A refund whose outcome at the processor is not known."""

    id: UUID
    sale_id: UUID
    charge_id: str
    amount: int


async def left_of(session: AsyncSession, sold: Sale) -> int:
    """What of the sale may still be given back: less what was, what is being, and what a bank has taken."""
    given = await session.scalar(
        sa.select(sa.func.coalesce(sa.func.sum(refund.c.amount), 0)).where(
            refund.c.sale_id == sold.id, refund.c.status.not_in(NOTHING_GIVEN)
        )
    )
    return max(sold.price.amount - int(given or 0) - sold.disputed, 0)


async def begin(
    session: AsyncSession,
    sold: Sale,
    *,
    id: UUID,
    amount: Money | int | None,
    actor_id: UUID | None,
    as_operator: bool,
    reason: str,
) -> RefundFact:
    """Keeps a refund that is about to be asked for, of all that is left if ``amount`` is None.

    The sale must be locked. Raises ``ChargeDisputed``, ``NothingToRefund``, ``RefundTooLarge`` and
    ``InvalidRefund``.
    """
    if await _disputed(session, sold):
        raise ChargeDisputed("The payment is disputed: the buyer's bank decides whether it is given back.")
    left = await left_of(session, sold)
    if left == 0:
        raise NothingToRefund("Nothing is left of this payment to give back.")
    wanted = _amount(amount, sold, left)
    row = await session.execute(
        sa.insert(refund)
        .values(
            id=id,
            sale_id=sold.id,
            actor_id=actor_id,
            as_operator=as_operator,
            reason=reason,
            status="asked",
            amount=wanted,
            currency=sold.price.currency,
        )
        .returning(refund)
    )
    return fact(row.one())


async def ends_subscription(session: AsyncSession, id: UUID) -> None:
    """The subscription that was paid for is to end with this refund."""
    await session.execute(sa.update(refund).where(refund.c.id == id).values(ends_subscription=True))


async def refused(session: AsyncSession, id: UUID, *, why: str) -> None:
    """The processor said no: nothing was given back."""
    await session.execute(
        sa.update(refund)
        .where(refund.c.id == id, refund.c.status == "asked")
        .values(status="refused", failure_reason=why, updated_at=sa.func.zhihao_now())
    )


async def read(session: AsyncSession | AsyncConnection, id: UUID) -> RefundFact | None:
    """The refund, None for an id that is none's."""
    row = (await session.execute(sa.select(refund).where(refund.c.id == id))).one_or_none()
    return None if row is None else fact(row)


async def asked_of(session: AsyncSession | AsyncConnection, id: UUID) -> Asked | None:
    """The refund, if its outcome is still unknown."""
    query = (
        sa.select(refund.c.id, refund.c.sale_id, sale.c.stripe_charge_id, refund.c.amount)
        .join(sale, sale.c.id == refund.c.sale_id)
        .where(refund.c.id == id, refund.c.status == "asked")
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else Asked(*row)


async def left_asked(session: AsyncSession | AsyncConnection, *, older_than: timedelta) -> list[UUID]:
    """Refunds that were to be asked for that long ago, and nobody heard of since."""
    query = sa.select(refund.c.id).where(
        refund.c.status == "asked", refund.c.created_at < sa.func.zhihao_now() - older_than
    )
    return list((await session.execute(query.order_by(refund.c.created_at).limit(500))).scalars())


async def list_of(
    session: AsyncSession | AsyncConnection, sale_ids: list[UUID], *, before: UUID | None, limit: int
) -> list[RefundFact]:
    """The refunds of these sales, newest first, from below ``before``."""
    query = sa.select(refund).where(refund.c.sale_id.in_(sale_ids))
    if before is not None:
        query = query.where(refund.c.id < before)
    return [fact(row) for row in await session.execute(query.order_by(refund.c.id.desc()).limit(limit))]


async def _disputed(session: AsyncSession, sold: Sale) -> bool:
    open_one = sa.exists().where(
        dispute.c.sale_id == sold.id, dispute.c.closed_at.is_(None), sa.not_(dispute.c.refundable)
    )
    return bool(await session.scalar(sa.select(open_one)))


def _amount(wanted: Money | int | None, sold: Sale, left: int) -> int:
    if wanted is None:
        return left
    if isinstance(wanted, Money) and wanted.currency != sold.price.currency:
        raise InvalidRefund(f"The payment was made in {sold.price.currency}.")
    amount = wanted.amount if isinstance(wanted, Money) else wanted
    if amount < 1:
        raise InvalidRefund("Give back at least the smallest unit of the currency.")
    if amount > left:
        raise RefundTooLarge(f"No more than {Money(left, sold.price.currency)} is left to give back.")
    if decimals(sold.price.currency) == 3 and amount % 10 and amount != left:
        raise InvalidRefund("Cards carry two decimals of this currency: the amount must end in 0.")
    return amount


def fact(row: sa.Row[Any]) -> RefundFact:
    return RefundFact(
        id=row.id,
        sale_id=row.sale_id,
        amount=Money(row.amount, row.currency),
        status="pending" if row.status == "asked" else row.status,
        reason=row.reason,
        failure_reason=row.failure_reason,
        created_at=row.created_at,
    )
