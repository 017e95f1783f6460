"""Visits to a knowledge base's page, and by which link they came."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.knowledge.tables import visit

MAX_CHARACTERS = 200
"""Of a ``ref`` or a visitor's mark; what is longer is cut."""


async def record(
    session: AsyncSession,
    *,
    id: UUID,
    knowledge_base_id: UUID,
    ref: str | None,
    account_id: UUID | None,
    visitor: str | None,
) -> None:
    """Keeps one visit. ``visitor`` is whatever tells anonymous visitors apart, if anything does."""
    await session.execute(
        visit.insert().values(
            id=id,
            knowledge_base_id=knowledge_base_id,
            ref=_kept(ref),
            account_id=account_id,
            visitor=_kept(visitor),
        )
    )


async def last_ref(
    session: AsyncSession, *, knowledge_base_id: UUID, account_id: UUID, visitor: str | None = None
) -> str | None:
    """By which link the account last came to the knowledge base, if by one that says so.

    ``visitor`` is the mark of the browser it uses, by which a visit from before signing in is found too.
    """
    same = visit.c.account_id == account_id
    if visitor is not None:
        same = sa.or_(same, visit.c.visitor == visitor)
    ref: str | None = await session.scalar(
        sa.select(visit.c.ref)
        .where(
            visit.c.knowledge_base_id == knowledge_base_id,
            same,
            visit.c.ref.is_not(None),
        )
        .order_by(visit.c.at.desc())
        .limit(1)
    )
    return ref


async def count(
    session: AsyncSession | AsyncConnection,
    knowledge_base_ids: Sequence[UUID],
    *,
    start: datetime,
    end: datetime,
) -> int:
    """How many visits these knowledge bases had in ``[start, end)``."""
    query = sa.select(sa.func.count()).where(
        visit.c.knowledge_base_id.in_(knowledge_base_ids), visit.c.at >= start, visit.c.at < end
    )
    return int(await session.scalar(query) or 0)


def _kept(text: str | None) -> str | None:
    return text.replace("\0", "")[:MAX_CHARACTERS] if text else None
