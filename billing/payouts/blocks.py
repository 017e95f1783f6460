"""Blocks: while any stands, no transfer is made to anybody.

Raised by whoever finds that the books do not agree with what was sold, and cleared by the same.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.payouts.tables import payout_block


@dataclass(frozen=True)
class Block:
    """``reason`` is a stable word such as ``usage_mismatch``, ``detail`` a sentence for operators."""

    reason: str
    detail: str
    since: datetime


async def block(session: AsyncSession, reason: str, detail: str) -> None:
    """Stops transfers for this reason; one that stands keeps its time and takes the newer detail."""
    made = insert(payout_block).values(reason=reason, detail=detail)
    await session.execute(
        made.on_conflict_do_update(
            index_elements=[payout_block.c.reason],
            set_={"detail": detail},
            where=payout_block.c.detail != detail,
        )
    )


async def clear(session: AsyncSession, reason: str) -> None:
    """Takes the reason back; transfers go on when none is left."""
    await session.execute(sa.delete(payout_block).where(payout_block.c.reason == reason))


async def blocks(session: AsyncSession | AsyncConnection) -> list[Block]:
    """Every block that stands, oldest first."""
    query = sa.select(payout_block).order_by(payout_block.c.since, payout_block.c.reason)
    return [Block(row.reason, row.detail, row.since) for row in await session.execute(query)]
