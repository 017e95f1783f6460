"""Payouts by hand: an operator takes what is open as a batch, pays it at a bank, and says so.

A batch never changes once it is made: what is downloaded is what is marked paid.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from billing.payouts import outcomes
from billing.payouts.outcomes import PaidOut
from billing.payouts.tables import payout, payout_account, payout_batch

Reader = AsyncSession | AsyncConnection


class NothingToPay(Exception):
    """No payout waits to be made by hand."""


class BatchNotFound(Exception):
    """There is no such batch."""


class BatchPaid(Exception):
    """The batch was marked paid before, with another reference."""


class PayoutNotOpen(Exception):
    """The payout does not wait to be made by hand."""


@dataclass(frozen=True)
class Batch:
    """``reference`` is what the bank calls it, once it is paid."""

    id: UUID
    payouts: int
    reference: str | None
    created_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True)
class Item:
    """One payout of a batch; ``details`` as the creator's account keeps them."""

    payout_id: UUID
    creator_id: UUID
    amount: Money
    country: str | None
    details: bytes | None
    status: str


async def make_batch(session: AsyncSession, *, id: UUID, created_by: UUID) -> Batch:
    """Takes every open payout that is in no batch. Raises ``NothingToPay``."""
    await session.execute(sa.insert(payout_batch).values(id=id, created_by=created_by))
    taken = await session.execute(
        sa.update(payout)
        .where(payout.c.method == "manual", payout.c.status == "open", payout.c.batch_id.is_(None))
        .values(batch_id=id)
        .returning(payout.c.id)
    )
    if not taken.all():
        raise NothingToPay("No payout waits to be made by hand.")
    return await find_batch(session, id)


async def find_batch(session: Reader, batch_id: UUID) -> Batch:
    """Raises ``BatchNotFound``."""
    row = (await session.execute(_BATCHES.where(payout_batch.c.id == batch_id))).one_or_none()
    if row is None:
        raise BatchNotFound("There is no such batch.")
    return Batch(row.id, row.payouts, row.reference, row.created_at, row.paid_at)


async def list_batches(session: Reader, *, before: UUID | None, limit: int) -> list[Batch]:
    """Newest first."""
    query = _BATCHES if before is None else _BATCHES.where(payout_batch.c.id < before)
    rows = await session.execute(query.order_by(payout_batch.c.id.desc()).limit(limit))
    return [Batch(row.id, row.payouts, row.reference, row.created_at, row.paid_at) for row in rows]


async def items_of(session: Reader, batch_id: UUID) -> list[Item]:
    """What the batch pays, in the order of its payouts."""
    query = (
        sa.select(payout, payout_account.c.country, payout_account.c.details)
        .join(payout_account, payout_account.c.account_id == payout.c.creator_id)
        .where(payout.c.batch_id == batch_id)
        .order_by(payout.c.id)
    )
    return [
        Item(row.id, row.creator_id, Money(row.amount, row.currency), row.country, row.details, row.status)
        for row in await session.execute(query)
    ]


async def mark_paid(
    session: AsyncSession, batch_id: UUID, *, reference: str, at: datetime, make_id: Callable[[], UUID]
) -> list[PaidOut]:
    """Posts every payout of the batch that is still open. Raises ``BatchNotFound`` and ``BatchPaid``."""
    query = sa.select(payout_batch).where(payout_batch.c.id == batch_id).with_for_update()
    batch = (await session.execute(query)).one_or_none()
    if batch is None:
        raise BatchNotFound("There is no such batch.")
    if batch.paid_at is not None and batch.reference != reference:
        raise BatchPaid(f"This batch was paid as {batch.reference}.")
    paid = []
    for item in await items_of(session, batch_id):
        if item.status == "open":
            made = await outcomes.paid(
                session, item.payout_id, posting_id=make_id(), reference=reference, at=at
            )
            paid += [made] if made else []
    await session.execute(
        sa.update(payout_batch)
        .where(payout_batch.c.id == batch_id, payout_batch.c.paid_at.is_(None))
        .values(reference=reference, paid_at=at)
    )
    return paid


async def cancel(session: AsyncSession, payout_id: UUID, *, reason: str) -> None:
    """The bank could not pay it: what it was for is due again. Raises ``PayoutNotOpen``."""
    query = sa.select(payout.c.status).where(payout.c.id == payout_id, payout.c.method == "manual")
    if await session.scalar(query.with_for_update()) != "open":
        raise PayoutNotOpen("This payout does not wait to be made by hand.")
    await outcomes.give_up(session, payout_id, reason=reason)


_BATCHES = sa.select(
    payout_batch,
    sa.select(sa.func.count())
    .select_from(payout)
    .where(payout.c.batch_id == payout_batch.c.id, payout.c.status != "canceled")
    .scalar_subquery()
    .label("payouts"),
)
