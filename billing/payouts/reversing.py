"""Taking back what was paid for a sale that was given back since.

A reversal is its own intent, as a payout is: committed as sending, with its key, before it is asked for. What
cannot be taken back stays a debt, which later earnings pay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.payouts import allocations
from billing.payouts.outcomes import KEY_LIFE
from billing.payouts.tables import payout, payout_reversal


@dataclass(frozen=True)
class ReversalOrder:
    """``amount`` minor units to be taken back of a transfer."""

    id: UUID
    transfer_id: str
    sale_id: UUID | None
    amount: int
    attempt: int

    @property
    def idempotency_key(self) -> str:
        return f"trr:{self.id}" if self.attempt == 1 else f"trr:{self.id}:{self.attempt}"


async def plan(
    session: AsyncSession, sale_id: UUID, *, clock: datetime, make_id: Callable[[], UUID]
) -> list[ReversalOrder]:
    """Keeps what is to be reversed so that the sale's creator has no more than the ledger owes them for it.

    Newest transfers first. What was paid otherwise (by hand, to pay a debt) is not there to be reversed.
    """
    creator_id = await allocations.creator_of(session, sale_id)
    if creator_id is None:
        return []
    await allocations.locked(session, [creator_id])
    looked = await allocations.refreshed(session, sale_id)
    excess = 0 if looked is None else -looked.due
    if excess <= 0:
        return []
    orders = []
    for row in await _reversible(session, sale_id):
        # A sum over bigints is a numeric to PostgreSQL.
        amount = int(min(excess, row.left))
        if amount <= 0:
            break
        order = ReversalOrder(make_id(), row.reference, sale_id, amount, 1)
        await session.execute(
            sa.insert(payout_reversal).values(
                id=order.id,
                payout_id=row.id,
                sale_id=sale_id,
                amount=amount,
                status="sending",
                begun_at=clock,
            )
        )
        await allocations.move(session, [(sale_id, -amount)])
        orders.append(order)
        excess -= amount
    return orders


async def unanswered(session: AsyncSession, *, before: datetime, limit: int) -> list[ReversalOrder]:
    """Reversals that were begun before and whose outcome nobody has seen."""
    query = (
        _WITH_TRANSFER.where(payout_reversal.c.status == "sending", payout_reversal.c.begun_at < before)
        .order_by(payout_reversal.c.created_at)
        .limit(limit)
    )
    return [_order(row) for row in await session.execute(query)]


async def of_sale(session: AsyncSession, sale_id: UUID) -> list[ReversalOrder]:
    """The sale's reversals whose outcome nobody has seen."""
    transfers = sa.select(payout.c.id).where(payout.c.sale_id == sale_id)
    query = _WITH_TRANSFER.where(
        payout_reversal.c.payout_id.in_(transfers), payout_reversal.c.status == "sending"
    )
    return [_order(row) for row in await session.execute(query.order_by(payout_reversal.c.created_at))]


async def again(session: AsyncSession, order: ReversalOrder, *, clock: datetime) -> ReversalOrder | None:
    """The order to try again once it was looked up in vain; None when somebody else went on with it."""
    mine = (payout_reversal.c.id == order.id, payout_reversal.c.attempt == order.attempt)
    spent = sa.or_(payout_reversal.c.key_spent, payout_reversal.c.begun_at < clock - KEY_LIFE)
    await session.execute(
        sa.update(payout_reversal)
        .where(*mine, payout_reversal.c.status == "sending", spent)
        .values(attempt=payout_reversal.c.attempt + 1, begun_at=clock, key_spent=False)
    )
    query = _WITH_TRANSFER.where(payout_reversal.c.id == order.id, payout_reversal.c.status == "sending")
    row = (await session.execute(query)).one_or_none()
    return None if row is None else _order(row)


async def failure_kept(session: AsyncSession, order: ReversalOrder) -> None:
    """The outcome is unknown, and the key is of no more use."""
    await session.execute(_mine(order).values(key_spent=True))


async def refused(session: AsyncSession, order: ReversalOrder, *, reason: str) -> None:
    """It cannot be had: the sale's creator owes it."""
    row = await session.execute(
        _mine(order).values(status="refused", reason=reason[:200]).returning(payout_reversal.c.id)
    )
    if row.one_or_none() is not None and order.sale_id is not None:
        await allocations.move(session, [(order.sale_id, order.amount)])


_WITH_TRANSFER = sa.select(payout_reversal, payout.c.reference).join(
    payout, payout.c.id == payout_reversal.c.payout_id
)


async def _reversible(session: AsyncSession, sale_id: UUID) -> Sequence[Any]:
    """The sale's transfers with what is left of each."""
    asked = (
        sa.select(sa.func.coalesce(sa.func.sum(payout_reversal.c.amount), 0))
        .where(payout_reversal.c.payout_id == payout.c.id, payout_reversal.c.status == "sending")
        .scalar_subquery()
    )
    query = (
        sa.select(
            payout.c.id, payout.c.reference, (payout.c.amount - payout.c.reversed - asked).label("left")
        )
        .where(payout.c.sale_id == sale_id, payout.c.status == "paid", payout.c.method == "transfer")
        .where(payout.c.amount - payout.c.reversed - asked > 0)
        .order_by(payout.c.paid_at.desc(), payout.c.id.desc())
    )
    return (await session.execute(query)).all()


def _mine(order: ReversalOrder) -> sa.Update:
    return sa.update(payout_reversal).where(
        payout_reversal.c.id == order.id,
        payout_reversal.c.attempt == order.attempt,
        payout_reversal.c.status == "sending",
    )


def _order(row: sa.Row[Any]) -> ReversalOrder:
    return ReversalOrder(row.id, row.reference, row.sale_id, row.amount, row.attempt)
