"""What became of a payout that was asked for: paid, put off, unknown, given up.

Unknown stays ``sending``, and is looked up before it is asked again. What was refused waits: nothing was
paid, and before another try it is compared with what is owed by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry, Source, post
from billing.money import Money
from billing.payouts import allocations
from billing.payouts.facts import Facts, Terms, facts_of
from billing.payouts.port import Order
from billing.payouts.tables import payout, payout_line

KEY_LIFE = timedelta(hours=23)
"""The processor forgets a key after a day: an older one may do a thing again."""

LONGEST_WAIT = timedelta(days=1)

INSUFFICIENT = "balance_insufficient"
"""Stripe's word for a balance, or a charge, that does not hold so much."""


@dataclass(frozen=True)
class PaidOut:
    """A payout that has just been paid."""

    id: UUID
    creator_id: UUID
    amount: Money
    reference: str | None
    paid_at: datetime


async def unanswered(session: AsyncSession, *, before: datetime, limit: int) -> list[Order]:
    """Orders that were begun before and whose outcome nobody has seen, by destination."""
    query = (
        sa.select(payout)
        .where(payout.c.status == "sending", payout.c.begun_at < before)
        .order_by(payout.c.method, payout.c.destination, payout.c.begun_at)
        .limit(limit)
    )
    return [order_of(row) for row in await session.execute(query)]


async def not_made(session: AsyncSession, orders: Sequence[Order], *, now: datetime, clock: datetime) -> None:
    """The method has not made them: they are to be compared with what is owed, and tried again."""
    for order in orders:
        await session.execute(
            _mine(order, "sending").values(
                status="waiting",
                retry_at=now,
                key_spent=sa.or_(payout.c.key_spent, payout.c.begun_at < clock - KEY_LIFE),
            )
        )


async def failure_kept(session: AsyncSession, order: Order) -> None:
    """The outcome is unknown, and the key is of no more use."""
    await session.execute(_mine(order, "sending").values(key_spent=True))


async def put_off(session: AsyncSession, order: Order, *, reason: str, now: datetime) -> None:
    """It was refused, for good under this key: it waits, longer each time, at most a day."""
    wait = min(timedelta(hours=1) * 2 ** min(order.attempt - 1, 10), LONGEST_WAIT)
    await session.execute(
        _mine(order, "sending").values(
            status="waiting", reason=reason[:200], retry_at=now + wait, key_spent=True
        )
    )


async def handed(session: AsyncSession, order: Order) -> None:
    """It is accepted, and waits for who pays it."""
    await session.execute(_mine(order, "sending").values(status="open"))


async def retried(session: AsyncSession, terms: Terms, *, limit: int) -> tuple[list[Order], int]:
    """Takes up what waited long enough: those to be sent again, and how many were given up.

    One is given up when its creator cannot be paid now, or owes by now what it would have paid; what is owed
    then is planned anew.
    """
    query = sa.select(payout).where(payout.c.status == "waiting", payout.c.retry_at <= terms.now)
    waiting = (await session.execute(query.order_by(payout.c.retry_at).limit(limit))).all()
    if not waiting:
        return [], 0
    creators = sorted({row.creator_id for row in waiting})
    await allocations.locked(session, creators)
    # Read again under the lock, and with it: who came first may have taken them up.
    waiting = (
        await session.execute(query.where(payout.c.id.in_([row.id for row in waiting])).with_for_update())
    ).all()
    facts = {(one.creator_id, one.currency): one for one in await facts_of(session, creators, terms)}
    disputed = await _disputed(session, [row.id for row in waiting])
    orders = []
    for row in waiting:
        if row.id in disputed or not _still_owed(facts.get((row.creator_id, row.currency))):
            await give_up(session, row.id, reason=row.reason or "not owed any more")
            continue
        fresh = row.key_spent or row.begun_at < terms.clock - KEY_LIFE
        exhausted = row.source_charge_id is not None and row.reason == INSUFFICIENT
        if exhausted:
            # What cannot be drawn on its charge is paid from the balance.
            await allocations.move(session, [(row.sale_id, 0)], drawn=[-row.amount])
        changed = {
            "status": "sending",
            "attempt": row.attempt + 1 if fresh else row.attempt,
            "begun_at": terms.clock if fresh else row.begun_at,
            "source_charge_id": None if exhausted else row.source_charge_id,
            "key_spent": False,
        }
        renewed = sa.update(payout).where(payout.c.id == row.id).values(**changed).returning(payout)
        orders.append(order_of((await session.execute(renewed)).one()))
    return orders, len(waiting) - len(orders)


async def give_up(session: AsyncSession, payout_id: UUID, *, reason: str) -> None:
    """Nothing was paid, and nothing will be by this: what it was for is due again."""
    given_up = (
        sa.update(payout)
        .where(payout.c.id == payout_id, payout.c.status.in_(["waiting", "open", "sending"]))
        .values(status="canceled", reason=reason[:200])
        .returning(payout)
    )
    row = (await session.execute(given_up)).one_or_none()
    if row is not None:
        await _take_up(session, row, sign=-1)


async def paid(
    session: AsyncSession, payout_id: UUID, *, posting_id: UUID, reference: str, at: datetime
) -> PaidOut | None:
    """Posts the payout and settles it; None when it was settled before.

    Even one that was given up: the money says otherwise, and whoever called compares what is owed.
    """
    row = (
        await session.execute(sa.select(payout).where(payout.c.id == payout_id).with_for_update())
    ).one_or_none()
    if row is None or row.status == "paid":
        return None
    by_hand = row.method == "manual"
    await post(
        session,
        id=posting_id,
        source=Source("manual_payout", str(row.id), "paid") if by_hand else transfer_source(reference),
        entries=paid_entries(row.creator_id, row.currency, row.amount, from_bank=by_hand),
        effective_at=at,
        sale_id=row.sale_id,
    )
    if row.status == "canceled":
        await _take_up(session, row, sign=1)
    await session.execute(
        sa.update(payout)
        .where(payout.c.id == payout_id)
        .values(
            status="paid",
            reason=None,
            reference=reference,
            paid_at=at,
            # The month may have another by now.
            month=None if row.status == "canceled" else payout.c.month,
        )
    )
    return PaidOut(row.id, row.creator_id, Money(row.amount, row.currency), reference, at)


def transfer_source(transfer_id: str) -> Source:
    return Source("transfer", transfer_id, "paid")


def paid_entries(creator_id: UUID, currency: str, amount: int, *, from_bank: bool = False) -> list[Entry]:
    """What paying a creator posts; of a negative amount, what taking back posts."""
    return [
        Entry(Account("bank" if from_bank else "stripe_balance", currency), -amount),
        Entry(Account("creator_paid", currency, creator_id), amount),
    ]


def order_of(row: sa.Row[Any]) -> Order:
    return Order(
        id=row.id,
        creator_id=row.creator_id,
        method=row.method,
        amount=Money(row.amount, row.currency),
        destination=row.destination,
        source_charge_id=row.source_charge_id,
        attempt=row.attempt,
        begun_at=row.begun_at,
    )


def _mine(order: Order, status: str) -> sa.Update:
    """The payout, if it is still at this attempt: somebody else may have gone on with it."""
    return sa.update(payout).where(
        payout.c.id == order.id, payout.c.attempt == order.attempt, payout.c.status == status
    )


def _still_owed(facts: Facts | None) -> bool:
    """Whether nothing that was found since stands against a payout that counts as being paid already."""
    if facts is None or not facts.able or facts.loose < 0:
        return False
    return not any(one.due < 0 for one in facts.open)


async def _disputed(session: AsyncSession, payout_ids: Sequence[UUID]) -> set[UUID]:
    """Which of the payouts are of a sale that is frozen."""
    rows = await session.execute(
        sa.text(
            "SELECT payout_id FROM payout_line JOIN sale ON sale.id = sale_id"
            " WHERE payout_id = ANY(:ids) AND frozen_at IS NOT NULL"
        ),
        {"ids": list(payout_ids)},
    )
    return {row.payout_id for row in rows}


async def _take_up(session: AsyncSession, row: sa.Row[Any], *, sign: int) -> None:
    """Counts the payout's lines as paid, or with ``sign`` -1 not any more."""
    query = sa.select(payout_line.c.sale_id, payout_line.c.amount).where(
        payout_line.c.payout_id == row.id, payout_line.c.sale_id.is_not(None)
    )
    lines = (await session.execute(query)).all()
    await allocations.move(
        session,
        [(line.sale_id, sign * line.amount) for line in lines],
        drawn=[
            sign * row.amount if row.source_charge_id and line.sale_id == row.sale_id else 0 for line in lines
        ],
    )
