"""What is said to a buyer's bank, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.refunds.disputes import DisputeClosed
from billing.refunds.tables import dispute, dispute_evidence

TAKES_EVIDENCE = frozenset({"needs_response", "warning_needs_response", "appeal_needs_response"})


@dataclass(frozen=True)
class EvidenceFact:
    """``submitted``: handed to the bank, after which nothing can be added. ``asked`` while it is not known
    whether the processor has it; sent again, it is the same."""

    id: UUID
    dispute_id: UUID
    text: str
    submitted: bool
    status: Literal["asked", "sent", "refused"]
    created_at: datetime


async def begin(
    session: AsyncSession,
    *,
    id: UUID,
    dispute_id: UUID,
    author_id: UUID,
    as_operator: bool,
    text: str,
    submitted: bool,
) -> str:
    """Keeps evidence that is about to be sent; returns the processor's name for the dispute.

    Raises ``DisputeClosed`` when the bank takes none any more.
    """
    query = sa.select(dispute.c.status, dispute.c.stripe_dispute_id).where(dispute.c.id == dispute_id)
    row = (await session.execute(query)).one()
    if row.status not in TAKES_EVIDENCE:
        raise DisputeClosed(f"The dispute is {row.status}: nothing can be added.")
    await session.execute(
        sa.insert(dispute_evidence).values(
            id=id,
            dispute_id=dispute_id,
            author_id=author_id,
            as_operator=as_operator,
            text=text,
            submitted=submitted,
            status="asked",
        )
    )
    return str(row.stripe_dispute_id)


async def finish(session: AsyncSession, id: UUID, status: Literal["sent", "refused"]) -> EvidenceFact:
    """What the processor said to it."""
    row = await session.execute(
        sa.update(dispute_evidence)
        .where(dispute_evidence.c.id == id)
        .values(status=status)
        .returning(dispute_evidence)
    )
    found = _fact(row.one())
    if status == "sent":
        await session.execute(
            sa.update(dispute).where(dispute.c.id == found.dispute_id).values(has_evidence=True)
        )
    return found


async def list_of(session: AsyncSession | AsyncConnection, dispute_id: UUID) -> list[EvidenceFact]:
    """What was said in a dispute, oldest first."""
    query = sa.select(dispute_evidence).where(dispute_evidence.c.dispute_id == dispute_id)
    return [_fact(row) for row in await session.execute(query.order_by(dispute_evidence.c.id))]


def _fact(row: sa.Row[Any]) -> EvidenceFact:
    return EvidenceFact(row.id, row.dispute_id, row.text, row.submitted, row.status, row.created_at)
