"""Intents: what is about to be asked of the processor, kept before it is asked.

An intent is committed with its idempotency key before the call and finished after it. One that stays
pending was cut off: its outcome is unknown, and what it was for is asked at the processor before anything is
repeated.
"""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.processor.tables import intent


async def begin(
    session: AsyncSession,
    *,
    id: UUID,
    kind: str,
    subject_id: UUID,
    idempotency_key: str,
    request: Mapping[str, object],
) -> None:
    """Keeps the intent; to be committed before the processor is called."""
    await session.execute(
        sa.insert(intent).values(
            id=id,
            kind=kind,
            subject_id=subject_id,
            idempotency_key=idempotency_key,
            request=dict(request),
            status="pending",
        )
    )


async def done(session: AsyncSession, id: UUID, *, result_id: str) -> None:
    """The processor did it; ``result_id`` is its name for what it made."""
    await _finish(session, id, status="done", result_id=result_id)


async def refused(session: AsyncSession, id: UUID, *, error: str) -> None:
    """The processor said no: nothing was done."""
    await _finish(session, id, status="refused", error=error)


async def renew(session: AsyncSession, id: UUID) -> str:
    """Another key for the intent's next attempt: the processor has kept a failure under the last one, or has
    forgotten it. Only once the processor was asked, and had not done it. Returns the key."""
    row = await session.execute(
        sa.update(intent)
        .where(intent.c.id == id)
        .values(
            attempt=intent.c.attempt + 1,
            idempotency_key=sa.func.concat(sa.cast(id, sa.Text), ":", intent.c.attempt + 1),
        )
        .returning(intent.c.idempotency_key)
    )
    return str(row.scalar_one())


async def key_of(session: AsyncSession | AsyncConnection, id: UUID, *, kept: timedelta) -> str | None:
    """The key of the intent's attempt; None when it is older than ``kept``: the processor may have forgotten
    it, and would take it for another."""
    query = sa.select(intent.c.idempotency_key).where(
        intent.c.id == id, intent.c.created_at > sa.func.now() - kept
    )
    found: str | None = await session.scalar(query)
    return found


async def abandon_old(session: AsyncSession, *, older_than: timedelta) -> None:
    """Gives up intents that were cut off so long ago that the processor has forgotten their keys.

    Good for what is begun here: a price nobody sells at and a page nobody was shown hurt nobody. An intent
    that moves money must be looked up at the processor instead.
    """
    await session.execute(
        sa.update(intent)
        .where(
            intent.c.status == "pending",
            intent.c.kind.in_(["price", "checkout", "contract"]),
            intent.c.created_at < sa.func.now() - older_than,
        )
        .values(status="abandoned", error="cut off", finished_at=sa.func.now())
    )


async def _finish(session: AsyncSession, id: UUID, **values: str) -> None:
    await session.execute(
        sa.update(intent)
        .where(intent.c.id == id, intent.c.status == "pending")
        .values(**values, finished_at=sa.func.now())
    )
