"""Disputes: a buyer's bank asks, takes money, and gives it back or keeps it.

What the bank took moves through the same shares as a refund. What it costs is the platform's, unless the
dispute is lost and the creator at fault, by an operator's word or, without one, by its reason.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry, Source, post
from billing.money import Money, allocate
from billing.processor.disputes import Dispute
from billing.processor.refunds import BalanceMovement
from billing.refunds import taking
from billing.refunds.tables import dispute
from billing.refunds.taking import Sale

CLOSED = frozenset({"won", "lost", "warning_closed", "prevented", "charge_refunded"})


class DisputeNotFound(Exception):
    """There is no such dispute, or not of this creator's sales."""


class DisputeClosed(Exception):
    """The bank has decided, or has the evidence: nothing can be added."""


@dataclass(frozen=True)
class DisputeFact:
    """``status`` and ``reason`` in Stripe's words: ``warning_…`` is an inquiry, which has taken nothing yet.

    ``amount`` is what is disputed; ``withdrawn``, ``reinstated`` and ``fee`` are what moved, in the
    settlement currency; ``creator_fee`` is the part of the fee that the creator bears.
    """

    id: UUID
    sale_id: UUID
    creator_id: UUID | None
    status: str
    reason: str
    amount: Money
    withdrawn: int
    reinstated: int
    fee: int
    creator_fee: int
    settled_currency: str | None
    evidence_due_by: datetime | None
    has_evidence: bool
    opened_at: datetime
    closed_at: datetime | None

    @property
    def open(self) -> bool:
        return self.closed_at is None


@dataclass(frozen=True)
class Written:
    """What writing a dispute changed: ``opened`` is true once, ``closed`` when it was open before;
    ``changed``: what its creator sees of it is not what it was."""

    dispute: DisputeFact
    sale: Sale
    opened: bool
    closed: bool
    changed: bool


async def write(
    session: AsyncSession, sold: Sale, *, id: UUID, posting_ids: tuple[UUID, UUID], said: Dispute
) -> Written:
    """Writes what the processor says of a dispute, and posts what of it moved and was not posted.

    ``id`` is for one seen for the first time. The sale must be locked, and the dispute's lane held.
    """
    closed_at = sa.func.zhihao_now() if said.status in CLOSED else None
    observed = {
        "status": said.status,
        "reason": said.reason,
        "amount": said.disputed.amount,
        "currency": said.disputed.currency,
        "refundable": said.refundable,
        "evidence_due_by": said.evidence_due_by,
        "has_evidence": said.has_evidence,
    }
    made = await session.execute(
        insert(dispute)
        .values(
            id=id,
            sale_id=sold.id,
            creator_id=sold.creator_id,
            stripe_dispute_id=said.id,
            opened_at=said.opened_at,
            closed_at=None,
            **observed,
        )
        .on_conflict_do_nothing(constraint="dispute_stripe_unique")
        .returning(dispute.c.id)
    )
    opened = made.one_or_none() is not None
    mine = dispute.c.stripe_dispute_id == said.id
    was = (await session.execute(sa.select(dispute).where(mine).with_for_update())).one()
    for movement in sorted(said.movements, key=lambda each: each.moved.amount):
        sold = await _post(session, sold, was, movement, said, posting_ids)
    kept = None if closed_at is None else sa.func.coalesce(dispute.c.closed_at, closed_at)
    row = await session.execute(
        sa.update(dispute)
        .where(mine)
        .values(**observed, closed_at=kept, updated_at=sa.func.zhihao_now())
        .returning(dispute)
    )
    now = _fact(row.one())
    changed = any(was._mapping[name] != observed[name] for name in observed)
    return Written(now, sold, opened, was.closed_at is None and not now.open, changed)


async def _post(
    session: AsyncSession,
    sold: Sale,
    was: sa.Row[Any],
    movement: BalanceMovement,
    said: Dispute,
    posting_ids: tuple[UUID, UUID],
) -> Sale:
    """Posts one balance transaction of the dispute, unless it was."""
    leg = "withdrawn" if movement.moved.amount < 0 else "reinstated"
    if was._mapping[f"{leg}_transaction_id"] is not None:
        return sold
    taken = abs(sum(each.moved.amount for each in said.movements if each.moved.amount < 0))
    presented = _presented(sold, said.disputed, min(abs(movement.moved.amount), taken), taken)
    sold = await taking.take(
        session,
        sold,
        id=posting_ids[leg == "reinstated"],
        source=Source("dispute", said.id, leg),
        by="disputed",
        presented=presented if leg == "withdrawn" else -presented,
        settled=-movement.moved.amount,
        fee=movement.fee,
        at=movement.at,
    )
    await session.execute(
        sa.update(dispute)
        .where(dispute.c.id == was.id)
        .values(
            {
                leg: abs(movement.moved.amount),
                f"{leg}_transaction_id": movement.id,
                "fee": dispute.c.fee + movement.fee,
                "settled_currency": movement.moved.currency,
            }
        )
    )
    return sold


def _presented(sold: Sale, disputed: Money, moved: int, taken: int) -> int:
    """What a movement of the balance is of the sale's price. The bank may have a currency of its own."""
    whole = disputed.amount
    if disputed.currency != sold.price.currency:
        settled = min(taken, sold.settled.amount)
        whole = allocate(sold.price.amount, [settled, sold.settled.amount - settled])[0]
    return allocate(whole, [moved, taken - moved])[0] if taken else 0


async def judge(session: AsyncSession, id: UUID, *, creator_at_fault: bool | None) -> None:
    """Keeps an operator's word on whose fault it was; None leaves it to the reason again."""
    await session.execute(
        sa.update(dispute).where(dispute.c.id == id).values(creator_at_fault=creator_at_fault)
    )


async def charge_fee(
    session: AsyncSession, id: UUID, *, posting_id: UUID, at: datetime, fault_reasons: Collection[str]
) -> bool:
    """Moves the dispute's fee to whom it belongs now: to the creator of a lost one who is at fault, else to
    the platform. Whether it moved."""
    row = (await session.execute(sa.select(dispute).where(dispute.c.id == id).with_for_update())).one()
    at_fault = row.reason in fault_reasons if row.creator_at_fault is None else row.creator_at_fault
    due = row.fee if row.creator_id is not None and row.status == "lost" and at_fault else 0
    more = due - row.creator_fee
    if not more:
        return False
    await post(
        session,
        id=posting_id,
        source=Source("dispute", row.stripe_dispute_id, f"fee:{row.fee_moves + 1}"),
        entries=[
            Entry(Account("creator_fees", row.settled_currency, row.creator_id), more),
            Entry(Account("processor_fees", row.settled_currency), -more),
        ],
        effective_at=at,
        sale_id=row.sale_id,
    )
    await session.execute(
        sa.update(dispute).where(dispute.c.id == id).values(creator_fee=due, fee_moves=row.fee_moves + 1)
    )
    return True


async def open_since(session: AsyncSession, sale_id: UUID) -> datetime | None:
    """Since when a dispute of the sale is open, an inquiry too; None when none is."""
    since: datetime | None = await session.scalar(
        sa.select(sa.func.min(dispute.c.opened_at)).where(
            dispute.c.sale_id == sale_id, dispute.c.closed_at.is_(None)
        )
    )
    return since


async def find(
    session: AsyncSession | AsyncConnection, *, id: UUID, creator_id: UUID | None = None, lock: bool = False
) -> DisputeFact:
    """The dispute, of this creator's sales if one is named. Raises ``DisputeNotFound``."""
    query = sa.select(dispute).where(dispute.c.id == id)
    if creator_id is not None:
        query = query.where(dispute.c.creator_id == creator_id)
    row = (await session.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise DisputeNotFound("There is no such dispute.")
    return _fact(row)


async def listed(
    session: AsyncSession | AsyncConnection,
    *,
    creator_id: UUID | None = None,
    state: Literal["open", "closed"] | None = None,
    before: UUID | None,
    limit: int,
) -> list[DisputeFact]:
    """Everybody's disputes, or of one creator's sales; newest first, from below ``before``."""
    query = sa.select(dispute)
    if creator_id is not None:
        query = query.where(dispute.c.creator_id == creator_id)
    if state is not None:
        closed = dispute.c.closed_at.is_not(None)
        query = query.where(closed if state == "closed" else sa.not_(closed))
    if before is not None:
        query = query.where(dispute.c.id < before)
    return [_fact(row) for row in await session.execute(query.order_by(dispute.c.id.desc()).limit(limit))]


def _fact(row: sa.Row[Any]) -> DisputeFact:
    return DisputeFact(
        id=row.id,
        sale_id=row.sale_id,
        creator_id=row.creator_id,
        status=row.status,
        reason=row.reason,
        amount=Money(row.amount, row.currency),
        withdrawn=row.withdrawn,
        reinstated=row.reinstated,
        fee=row.fee,
        creator_fee=row.creator_fee,
        settled_currency=row.settled_currency,
        evidence_due_by=row.evidence_due_by,
        has_evidence=row.has_evidence,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
    )
