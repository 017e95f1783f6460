"""A visitor looks for knowledge bases on the square."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.plans.catalog import PlanFact, plans_of
from search.engine.port import CardHit, CardPage, CardQuery, EngineUnavailable, Price, Sort
from service.knowledge import square, square_listing
from service.knowledge.square import Creator, Shown
from service.platform.database import zhihao_now
from service.usecases.context import Context
from service.usecases.index_card import suspended

log = structlog.get_logger(__name__)


class InvalidPosition(Exception):
    """The square gave out no such position for this query."""


@dataclass(frozen=True, slots=True)
class DocumentCounts:
    """How many documents can be read, by tier."""

    free: int
    paid: int


@dataclass(frozen=True, slots=True)
class CardFact:
    """What anybody sees of a knowledge base. ``highlights`` are HTML-escaped, with matches in ``<em>``."""

    id: UUID
    slug: str
    title: str
    summary: str
    creator: Creator
    category: str
    tags: list[str]
    language: str
    plans: list[PlanFact]
    free_questions: int
    documents: DocumentCounts
    published_at: datetime | None
    highlights: dict[str, str]
    tagline: str = ""


@dataclass(frozen=True, slots=True)
class SquarePage:
    """One page of cards. ``facets`` count all matches; ``position`` is where the next page begins."""

    cards: list[CardFact]
    facets: dict[str, dict[str, int]]
    total: int
    position: list[Any] | None


async def search_square(
    context: Context,
    *,
    q: str | None,
    category: str | None,
    tag: str | None,
    language: str | None,
    price: Price | None,
    sort: Sort,
    limit: int,
    position: list[Any] | None,
) -> SquarePage:
    """What the square shows now: a card whose knowledge base has left it since is not shown.

    Without words it is also shown while the search engine is away. Raises ``EngineUnavailable`` and
    ``InvalidPosition``.
    """
    worded = bool(q and q.strip())
    query = CardQuery(
        q=q,
        category=category,
        tag=tag,
        language=language,
        price=price,
        sort=sort,
        limit=limit,
        now=await _now(context) if worded else None,
        position=position,
    )
    try:
        try:
            found = await context.cards.search(query)
        except EngineUnavailable:
            if worded:
                raise
            log.warning("square.browsed_without_engine")
            found = await _browse(context, query)
    except ValueError as error:
        raise InvalidPosition("The cursor is not one that this list gave out.") from error
    ids = [hit.id for hit in found.hits]
    async with context.database.reading() as connection:
        items = {id: item for id, item in (await square.shown(connection, ids)).items() if item.on_square}
        hidden = await suspended(connection, [item.base.owner_id for item in items.values()])
        plans = await plans_of(connection, list(items))
    cards = [
        card_of(items[hit.id], plans.get(hit.id, []), hit.highlights)
        for hit in found.hits
        if hit.id in items and items[hit.id].base.owner_id not in hidden
    ]
    return SquarePage(cards, found.facets, found.total, found.next_position)


async def _now(context: Context) -> datetime:
    async with context.database.reading() as connection:
        return await zhihao_now(connection)


async def _browse(context: Context, query: CardQuery) -> CardPage:
    """The same page from the database."""
    async with context.database.reading() as connection:
        listed = await square_listing.browse(connection, query)
    return CardPage([CardHit(id, 0.0) for id in listed.ids], listed.facets, listed.total, listed.position)


async def cards_of(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, CardFact]:
    """The cards of knowledge bases that the caller has found may be seen."""
    items = await square.shown(connection, ids)
    plans = await plans_of(connection, list(items))
    return {id: card_of(item, plans.get(id, []), {}) for id, item in items.items()}


def card_of(item: Shown, plans: Sequence[PlanFact], highlights: dict[str, str]) -> CardFact:
    base = item.base
    return CardFact(
        id=base.id,
        slug=base.slug,
        title=base.title,
        summary=base.summary,
        creator=item.creator,
        category=base.category,
        tags=base.tags,
        language=base.language,
        plans=list(plans),
        free_questions=base.free_questions,
        documents=DocumentCounts(base.free_documents, base.paid_documents),
        published_at=base.published_at,
        highlights=highlights,
        tagline=base.tagline,
    )
