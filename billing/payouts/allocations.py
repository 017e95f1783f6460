"""Allocations: what of each charge is its creator's, how much of that is paid, what is still open.

``net`` is the ledger's (earned less fees less refunded), ``paid`` what payouts took up. An allocation with
``net`` above ``paid`` is due; below, more was paid than is owed now, which is a debt until it is reversed or
paid by later earnings. Only what is open is in the index, so that a payout run costs what is open.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.payouts.tables import allocation, payout_account


@dataclass(frozen=True)
class Allocation:
    """``due`` below zero is a debt."""

    sale_id: UUID
    creator_id: UUID
    currency: str
    net: int
    paid: int

    @property
    def due(self) -> int:
        return self.net - self.paid


async def add(
    session: AsyncSession,
    *,
    sale_id: UUID,
    creator_id: UUID,
    currency: str,
    stripe_charge_id: str,
    charged: int,
    net: int,
    earned_at: datetime,
) -> None:
    """Of a sale that was just recorded. Starts the creator's payout account if they have none."""
    await session.execute(
        insert(allocation).values(
            sale_id=sale_id,
            creator_id=creator_id,
            currency=currency,
            stripe_charge_id=stripe_charge_id,
            charged=charged,
            net=net,
            earned_at=earned_at,
        )
    )
    await session.execute(
        insert(payout_account).values(account_id=creator_id, status="onboarding").on_conflict_do_nothing()
    )
    # Touches the row once, so that sales of one creator do not wait for each other.
    await session.execute(
        sa.update(payout_account)
        .where(payout_account.c.account_id == creator_id, payout_account.c.first_sale_at.is_(None))
        .values(first_sale_at=earned_at)
    )


async def locked(session: AsyncSession, creator_ids: Iterable[UUID]) -> None:
    """Holds off every other plan for these creators to the end of the transaction."""
    await session.execute(
        sa.select(payout_account.c.account_id)
        .where(payout_account.c.account_id.in_(list(creator_ids)))
        .order_by(payout_account.c.account_id)
        .with_for_update(key_share=True)
    )


async def creator_of(session: AsyncSession, sale_id: UUID) -> UUID | None:
    """None for a sale that is not one creator's."""
    query = sa.select(allocation.c.creator_id).where(allocation.c.sale_id == sale_id)
    found: UUID | None = await session.scalar(query)
    return found


async def refreshed(session: AsyncSession, sale_id: UUID) -> Allocation | None:
    """The allocation as the ledger has it now. The creator is to be ``locked`` before."""
    await session.execute(_REFRESH, {"sale_id": sale_id})
    query = sa.select(allocation).where(allocation.c.sale_id == sale_id)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else Allocation(row.sale_id, row.creator_id, row.currency, row.net, row.paid)


async def move(
    session: AsyncSession, moves: Sequence[tuple[UUID, int]], *, drawn: Sequence[int] | None = None
) -> None:
    """Moves what is paid of each allocation (sale, amount), and what is drawn on its charge."""
    if not moves:
        return
    moved = (
        sa.func.unnest(
            sa.cast([sale_id for sale_id, _ in moves], ARRAY(sa.Uuid)),
            sa.cast([amount for _, amount in moves], ARRAY(sa.BigInteger)),
            sa.cast(list(drawn) if drawn else [0] * len(moves), ARRAY(sa.BigInteger)),
        )
        .table_valued(
            sa.column("sale_id", sa.Uuid), sa.column("paid", sa.BigInteger), sa.column("drawn", sa.BigInteger)
        )
        .render_derived(name="moved")
    )
    # A debt is paid by several payments of one plan: a row can be updated once a statement.
    sums = (
        sa.select(
            moved.c.sale_id,
            sa.func.sum(moved.c.paid).label("paid"),
            sa.func.sum(moved.c.drawn).label("drawn"),
        )
        .group_by(moved.c.sale_id)
        .subquery("sums")
    )
    await session.execute(
        sa.update(allocation)
        .where(allocation.c.sale_id == sums.c.sale_id)
        .values(paid=allocation.c.paid + sums.c.paid, drawn=allocation.c.drawn + sums.c.drawn)
    )


async def overpaid(session: AsyncSession, sale_ids: Iterable[UUID]) -> list[UUID]:
    """Which of the sales were paid more than is owed, as far as was looked."""
    query = sa.select(allocation.c.sale_id).where(
        allocation.c.sale_id.in_(list(sale_ids)), allocation.c.net < allocation.c.paid
    )
    return list((await session.execute(query)).scalars())


async def at_charge(session: AsyncSession, stripe_charge_id: str, creator_id: UUID) -> UUID | None:
    """The creator's sale with this charge."""
    query = sa.select(allocation.c.sale_id).where(
        allocation.c.stripe_charge_id == stripe_charge_id, allocation.c.creator_id == creator_id
    )
    found: UUID | None = await session.scalar(query)
    return found


_REFRESH = sa.text(
    """
    UPDATE allocation SET net = owed.net FROM (
      SELECT held.owner_id, held.currency, -sum(entry.amount) AS net
      FROM ledger_transaction AS posted
      JOIN ledger_entry AS entry ON entry.transaction_id = posted.id
      JOIN ledger_account AS held ON held.id = entry.account_id
      WHERE posted.sale_id = :sale_id AND held.kind IN ('creator_earned', 'creator_fees', 'creator_refunded')
      GROUP BY 1, 2
    ) AS owed
    WHERE sale_id = :sale_id AND creator_id = owed.owner_id AND allocation.currency = owed.currency
      AND allocation.net <> owed.net
    """
)
