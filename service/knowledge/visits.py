"""Visits to a knowledge base's page, and by which link they came."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

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


def _kept(text: str | None) -> str | None:
    return text.replace("\0", "")[:MAX_CHARACTERS] if text else None
