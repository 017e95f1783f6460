"""What a reader holds now: every live grant, base by base."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.entitlements.grants import Source

Reader = AsyncSession | AsyncConnection


@dataclass(frozen=True)
class LiveSource:
    """One thing that opens a knowledge base: ``source_id`` is the subscription, the sale of the pass, or the
    complimentary grant. ``until`` None: not by itself."""

    source: Source
    source_id: UUID
    reason: str
    since: datetime
    until: datetime | None


_HELD = """
    SELECT knowledge_base_id, source, source_id, reason, starts_at, ends_at
    FROM access_grant, (SELECT zhihao_now()) AS clock (now)
    WHERE account_id = :account_id AND revoked_at IS NULL
      AND starts_at <= now AND (ends_at IS NULL OR ends_at > now)
"""
_ORDER = "ORDER BY knowledge_base_id DESC, ends_at DESC NULLS FIRST, source"

_OF_BASE = sa.text(f"{_HELD} AND knowledge_base_id = :knowledge_base_id {_ORDER}")
_OF_ALL = sa.text(
    f"""
    WITH held AS ({_HELD} AND knowledge_base_id < :before), shown AS (
      SELECT DISTINCT knowledge_base_id FROM held ORDER BY knowledge_base_id DESC LIMIT :limit
    )
    SELECT held.* FROM held JOIN shown USING (knowledge_base_id) {_ORDER}
    """  # noqa: S608 - the constants above
)
_LAST_ID = UUID(int=2**128 - 1)


async def live_sources(session: Reader, *, account_id: UUID, knowledge_base_id: UUID) -> list[LiveSource]:
    """What opens the knowledge base to the account now, that which lasts longest first."""
    values = {"account_id": account_id, "knowledge_base_id": knowledge_base_id}
    return [_source(row) for row in await session.execute(_OF_BASE, values)]


async def held_by(
    session: Reader, *, account_id: UUID, before: UUID | None, limit: int
) -> dict[UUID, list[LiveSource]]:
    """By knowledge base, from below the id ``before``; of each, that which lasts longest first."""
    values = {"account_id": account_id, "before": before or _LAST_ID, "limit": limit}
    held: dict[UUID, list[LiveSource]] = {}
    for row in await session.execute(_OF_ALL, values):
        held.setdefault(row.knowledge_base_id, []).append(_source(row))
    return held


def _source(row: sa.Row[tuple[object, ...]]) -> LiveSource:
    values = row._mapping
    return LiveSource(
        values["source"], values["source_id"], values["reason"], values["starts_at"], values["ends_at"]
    )
