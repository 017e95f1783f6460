"""Refunds as the processor says they are.

A refund only goes forward: asked, accepted, done; and from there it can fail, when its money comes back. So
what was fetched earlier and is written later does no harm.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.journal import Source
from billing.processor.refunds import Refund
from billing.refunds import taking
from billing.refunds.giving import NOTHING_GIVEN, RefundFact, fact
from billing.refunds.tables import refund
from billing.refunds.taking import Sale

FORWARD = {
    "asked": 0,
    "refused": 1,
    "pending": 1,
    "requires_action": 1,
    "succeeded": 2,
    "canceled": 3,
    "failed": 3,
}


@dataclass(frozen=True)
class Written:
    """What writing a refund changed: ``accepted`` and ``failed`` are true once each, ``changed`` when its
    status is another."""

    refund: RefundFact
    sale: Sale
    accepted: bool
    moved: bool
    failed: bool
    changed: bool
    ends_subscription: bool


async def write(session: AsyncSession, sold: Sale, *, id: UUID, posting_id: UUID, said: Refund) -> Written:
    """Writes what the processor says of a refund of the sale, and posts what of it moved and was not posted.

    ``id`` is for one that was not made here, ``posting_id`` for what came back of one that failed. The sale
    must be locked.
    """
    row = was = await _row(session, sold, said, id)
    taken = sold.taken
    if said.left is not None and row.stripe_balance_transaction_id is None:
        row, sold = await _post_left(session, sold, row, said)
    if row.stripe_balance_transaction_id and row.failure_balance_transaction_id is None:
        row, sold = await _post_returned(session, sold, row, said, posting_id)
    status = said.status if said.status in FORWARD else "pending"
    if FORWARD[status] >= FORWARD[was.status] and status != was.status:
        row = await _update(session, row.id, status=status, failure_reason=said.failure_reason)
    return Written(
        refund=fact(row),
        sale=sold,
        accepted=was.status == "asked",
        moved=sold.taken != taken,
        failed=row.status in NOTHING_GIVEN and was.status not in NOTHING_GIVEN,
        changed=row.status != was.status,
        ends_subscription=row.ends_subscription,
    )


async def _post_left(
    session: AsyncSession, sold: Sale, row: sa.Row[Any], said: Refund
) -> tuple[sa.Row[Any], Sale]:
    """The money left the balance."""
    left = said.left
    assert left is not None, "asked for only then"
    sold = await taking.take(
        session,
        sold,
        id=row.id,
        source=Source("refund", said.id, "refund"),
        by="refunded",
        presented=row.amount,
        settled=-left.moved.amount,
        fee=left.fee,
        at=left.at,
    )
    row = await _update(
        session,
        row.id,
        stripe_balance_transaction_id=left.id,
        settled_amount=-left.moved.amount,
        settled_currency=left.moved.currency,
        fee=left.fee,
    )
    return row, sold


async def _post_returned(
    session: AsyncSession, sold: Sale, row: sa.Row[Any], said: Refund, posting_id: UUID
) -> tuple[sa.Row[Any], Sale]:
    """The money came back, if it did: the sale is as if it had never left."""
    returned = said.returned
    if returned is None:
        return row, sold
    sold = await taking.take(
        session,
        sold,
        id=posting_id,
        source=Source("refund", said.id, "failed"),
        by="refunded",
        presented=-row.amount,
        settled=-returned.moved.amount,
        fee=returned.fee,
        at=returned.at,
    )
    row = await _update(
        session,
        row.id,
        failure_balance_transaction_id=returned.id,
        settled_amount=row.settled_amount - returned.moved.amount,
        fee=row.fee + returned.fee,
    )
    return row, sold


async def _row(session: AsyncSession, sold: Sale, said: Refund, id: UUID) -> sa.Row[Any]:
    """The refund's row: found by the processor's name, else by ours in its metadata, else made."""
    query = sa.select(refund).where(refund.c.stripe_refund_id == said.id)
    known: sa.Row[Any] | None = (await session.execute(query)).one_or_none()
    if known is not None:
        return known
    ours = sa.update(refund).where(
        sa.cast(refund.c.id, sa.Text) == said.metadata.get("refund_id", ""),
        refund.c.sale_id == sold.id,
        refund.c.stripe_refund_id.is_(None),
    )
    named = await session.execute(ours.values(stripe_refund_id=said.id).returning(refund))
    known = named.one_or_none()
    if known is not None:
        return known
    made = sa.insert(refund).values(
        id=id,
        sale_id=sold.id,
        status="asked",
        stripe_refund_id=said.id,
        reason=said.metadata.get("reason", ""),
        amount=said.presented.amount,
        currency=said.presented.currency,
        created_at=said.created_at,
    )
    row: sa.Row[Any] = (await session.execute(made.returning(refund))).one()
    return row


async def _update(session: AsyncSession, id: UUID, **values: Any) -> sa.Row[Any]:
    changed = sa.update(refund).where(refund.c.id == id)
    done = await session.execute(changed.values(**values, updated_at=sa.func.zhihao_now()).returning(refund))
    row: sa.Row[Any] = done.one()
    return row
