"""Somebody read what is free on the square: it counts for the month's traffic pool."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from billing.shares import reads
from service.usecases.context import Context

# What counts: public and published, not the reader's own, and a reader who did not sign up for this.
_COUNTS = sa.text(
    """
    SELECT id, owner_id FROM knowledge_base
    WHERE id = ANY(:ids) AND deleted_at IS NULL AND status = 'published' AND visibility = 'public'
      AND owner_id IS DISTINCT FROM CAST(:account AS uuid)
      AND (CAST(:account AS uuid) IS NULL OR EXISTS (
        SELECT FROM account
        WHERE id = :account AND created_at <= zhihao_now() - make_interval(hours => :hours)
      ))
    """
)


async def record_read(
    context: Context, *, knowledge_base_ids: Sequence[UUID], account_id: UUID | None, network: str | None
) -> None:
    """Counts the reader for each of these bases, once a month, if the limits let them count at all.

    ``network`` is the reader's, if it tells networks apart: all who read from one without signing in are one
    reader. Only for readers who have no access beyond the free tier: what is paid for brings its own money.
    """
    settings = context.settings
    if account_id is None and (network is None or not settings.pool_anonymous_readers):
        return
    hours = settings.pool_account_min_hours
    values = {"ids": list(knowledge_base_ids), "account": account_id, "hours": hours}
    async with context.database.transaction() as session:
        readings = [(row.id, row.owner_id) for row in await session.execute(_COUNTS, values)]
        if readings:
            reader = f"network {network}" if account_id is None else f"account {account_id}"
            await reads.record(session, reader=reader, network=network, readings=readings)
