"""What a card on the square is made of, as far as this room knows."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.knowledge.knowledge_bases import KnowledgeBaseFact, fact
from service.knowledge.tables import knowledge_base, profile


@dataclass(frozen=True, slots=True)
class Creator:
    """Who made a knowledge base, as readers see them; empty when they opened no profile."""

    handle: str
    name: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A knowledge base with its creator."""

    base: KnowledgeBaseFact
    creator: Creator

    @property
    def on_square(self) -> bool:
        """Whether it belongs there, its owner's suspension apart."""
        return self.base.status == "published" and self.base.visibility == "public"


_SHOWN = (
    sa.select(
        knowledge_base,
        sa.func.coalesce(profile.c.handle, "").label("creator_handle"),
        sa.func.coalesce(profile.c.name, "").label("creator_name"),
    )
    .join(profile, profile.c.account_id == knowledge_base.c.owner_id, isouter=True)
    .where(knowledge_base.c.deleted_at.is_(None))
)


async def shown(session: AsyncSession | AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Shown]:
    """Those of ``ids`` that are not deleted, whether they belong on the square or not."""
    rows = await session.execute(_SHOWN.where(knowledge_base.c.id.in_(ids)))
    return {row.id: Shown(fact(row), Creator(row.creator_handle, row.creator_name)) for row in rows}


async def public(session: AsyncSession | AsyncConnection, *, after: UUID | None, limit: int) -> list[UUID]:
    """The ids of what belongs on the square, from above ``after``."""
    query = sa.select(knowledge_base.c.id).where(
        knowledge_base.c.status == "published",
        knowledge_base.c.visibility == "public",
        knowledge_base.c.deleted_at.is_(None),
    )
    if after is not None:
        query = query.where(knowledge_base.c.id > after)
    return list((await session.execute(query.order_by(knowledge_base.c.id).limit(limit))).scalars())


async def public_of(session: AsyncSession | AsyncConnection, owner_id: UUID, *, limit: int) -> list[UUID]:
    """The ids of what one owner has on the square, newest first."""
    query = sa.select(knowledge_base.c.id).where(
        knowledge_base.c.owner_id == owner_id,
        knowledge_base.c.status == "published",
        knowledge_base.c.visibility == "public",
        knowledge_base.c.deleted_at.is_(None),
    )
    newest = query.order_by(knowledge_base.c.published_at.desc(), knowledge_base.c.id.desc()).limit(limit)
    return list((await session.execute(newest)).scalars())
