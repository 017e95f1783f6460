"""The square as PostgreSQL lists it: by filters and in order, without words. What is browsed while its
search engine is away, with the same positions and the same counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.square import weighing
from search.square.card import Card, CardQuery
from search.square.indexed import FACET_VALUES, FACETS, filters_of, folded_of, new_key, popular_key
from search.square.synonyms import Synonyms
from service.knowledge.tables import knowledge_base, square_card


@dataclass(frozen=True, slots=True)
class Listing:
    """Ids of one page in order; ``position`` is where the next begins, in any engine."""

    ids: list[UUID]
    facets: dict[str, dict[str, int]]
    total: int
    position: list[Any] | None


async def keep(session: AsyncSession, cards: Sequence[Card]) -> None:
    """Lists these cards as they are now."""
    if not cards:
        return
    rows = [
        {
            "knowledge_base_id": card.id,
            "category": folded["category"][0],
            "tags": folded["tags"],
            "language": folded["language"][0],
            "price": folded["price"][0],
            "popularity": card.popularity,
            "new_key": new_key(card),
            "popular_key": popular_key(card),
        }
        for card in cards
        for folded in [folded_of(card)]
    ]
    statement = insert(square_card).values(rows)
    changed = {c.name: c for c in statement.excluded if c.name != "knowledge_base_id"}
    await session.execute(statement.on_conflict_do_update(index_elements=["knowledge_base_id"], set_=changed))


async def leave(session: AsyncSession, ids: Sequence[UUID]) -> None:
    """Lists these no more."""
    await session.execute(sa.delete(square_card).where(square_card.c.knowledge_base_id.in_(ids)))


async def popularity(session: AsyncSession | AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, int]:
    """The readers that each listed card was last told to have."""
    query = sa.select(square_card.c.knowledge_base_id, square_card.c.popularity).where(
        square_card.c.knowledge_base_id.in_(ids)
    )
    return {row.knowledge_base_id: row.popularity for row in await session.execute(query)}


async def after(session: AsyncSession | AsyncConnection, previous: UUID | None, *, limit: int) -> list[UUID]:
    """The ids of what is listed, from above ``previous``."""
    query = sa.select(square_card.c.knowledge_base_id).order_by(square_card.c.knowledge_base_id).limit(limit)
    if previous is not None:
        query = query.where(square_card.c.knowledge_base_id > previous)
    return list((await session.execute(query)).scalars())


async def browse(session: AsyncSession | AsyncConnection, query: CardQuery) -> Listing:
    """A page of what is public and published now. Takes no words. Raises ``ValueError`` for a position that
    is not of this list."""
    asked = weighing.asked_of(query, Synonyms([]))
    position = weighing.position_of(query, asked)
    key = square_card.c.new_key if asked.sort == "new" else square_card.c.popular_key
    card = square_card.c
    listed = (
        sa.select(card.knowledge_base_id, card.price, key.label("key"))
        .add_columns(knowledge_base.c.category, knowledge_base.c.tags, knowledge_base.c.language)
        .join_from(square_card, knowledge_base, knowledge_base.c.id == card.knowledge_base_id)
        .where(
            knowledge_base.c.status == "published",
            knowledge_base.c.visibility == "public",
            knowledge_base.c.deleted_at.is_(None),
        )
    )
    for name, value in filters_of(query).items():
        held = card[name]
        listed = listed.where(sa.literal(value) == sa.any_(held) if name == "tags" else held == value)
    page = listed.order_by(key.desc()).limit(query.limit + 1)
    if position is not None:
        page = page.where(key < position.key)
    rows = list(await session.execute(page))
    facets = {name: await _counts(session, listed.subquery(), name) for name in FACETS}
    following = None
    if len(rows) > query.limit:
        following = weighing.position(asked.sort, 0.0, int(rows[query.limit - 1].key), [], None)
    ids = [row.knowledge_base_id for row in rows[: query.limit]]
    return Listing(ids, facets, sum(facets["price"].values()), following)


async def _counts(session: AsyncSession | AsyncConnection, listed: sa.Subquery, name: str) -> dict[str, int]:
    if name == "tags":
        each = sa.select(listed.c.knowledge_base_id, sa.func.unnest(listed.c.tags).label("value")).distinct()
        values = each.subquery().c.value
    else:
        values = listed.c[name]
    number = sa.func.count().label("number")
    query = sa.select(values.label("value"), number).group_by(values)
    query = query.order_by(number.desc(), sa.text("value")).limit(FACET_VALUES)
    return {row.value: row.number for row in await session.execute(query)}
