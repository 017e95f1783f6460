"""What the service asks of a search engine. Two ports, since one engine may be good at only one.

All offsets count Unicode code points of a revision's text."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from search.passages.cutting import Passage
from search.passages.scope import AccessScope

DocumentTier = Literal["free", "paid"]
Sort = Literal["relevance", "new", "popular"]
Price = Literal["free", "paid"]


class EngineUnavailable(Exception):
    """The engine cannot answer now (index missing, damaged, or its server away). Never a reason to
    fall back to an index outside the scope."""


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """One document's live revision, cut into passages. `tier` decides which indexes hold it: `free`
    goes into both, `paid` only into `all`. `language` is a BCP 47 tag or empty when not known."""

    document_id: UUID
    revision_id: UUID
    knowledge_base_id: UUID
    title: str
    tier: DocumentTier
    language: str
    passages: Sequence[Passage]


@dataclass(frozen=True, slots=True)
class PassageHit:
    """A passage found. `text` is `revision.text[start:end]`. `score` orders the hits of one search
    and is not comparable across searches. `matched` is the fraction, 0..1, of the query's informative
    weight that the passage, its title and its heading cover; `weights` are those weights, one for each
    unit of the analysed query, as counted in this search's scope (for `evidence`; empty: all alike)."""

    knowledge_base_id: UUID
    document_id: UUID
    revision_id: UUID
    title: str
    locator: dict[str, Any]
    start: int
    end: int
    text: str
    score: float
    matched: float
    weights: tuple[float, ...] = ()


class PassageEngine(Protocol):
    """Passages of every knowledge base, each kept apart in an index `free` and an index `all`.

    Writes are for one process at a time (the worker); reads for any number. A write returns the new
    generation, to be stored by the caller and handed back in each `IndexView`. All methods raise
    `EngineUnavailable`."""

    async def add(self, knowledge_base_id: UUID, documents: Sequence[IndexDocument]) -> int:
        """Index these documents, replacing what was indexed of each; durable on return."""

    async def rebuild(
        self,
        knowledge_base_id: UUID,
        documents: Iterable[IndexDocument] | AsyncIterable[IndexDocument],
    ) -> int:
        """Index exactly these documents, beside the live index, then swap. Readers see the old one
        until the swap."""

    async def drop(self, knowledge_base_id: UUID) -> None:
        """Forget the knowledge base. Dropping what is not there is no error."""

    async def search(self, scope: AccessScope, query: str, *, limit: int) -> list[PassageHit]:
        """The best passages in scope, best first; ties in a stable order. A knowledge base of which
        nothing was ever indexed has no hits. A query with no word in it has no hits."""

    async def close(self) -> None:
        """Let go of every open index; the engine may be used again afterwards."""


@dataclass(frozen=True, slots=True)
class Card:
    """What the square shows and searches of one public, published knowledge base. `free` means that it
    has no paid plan; `popularity` counts distinct paying readers of the last 30 days."""

    id: UUID
    slug: str
    title: str
    summary: str
    creator_handle: str
    creator_name: str
    category: str
    tags: Sequence[str]
    language: str
    free: bool
    popularity: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class CardQuery:
    """A question to the square. `q` empty or None lists all; with no `q`, `relevance` sorts as
    `popular`. `position` is a `CardPage.next_position` of the same query."""

    q: str | None = None
    category: str | None = None
    tag: str | None = None
    language: str | None = None
    price: Price | None = None
    sort: Sort = "relevance"
    limit: int = 20
    position: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class CardHit:
    """`highlights` maps a field (`title`, `summary`, `tags`, `creator`) to HTML-escaped text in which
    the matched words stand in `<em>`; it holds only fields that matched."""

    id: UUID
    score: float
    highlights: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CardPage:
    """`facets` maps `category`, `tags`, `language` and `price` to the count of each value among all
    matches. `total` counts all matches. `next_position` holds only JSON values; None on the last page."""

    hits: list[CardHit]
    facets: dict[str, dict[str, int]]
    total: int
    next_position: list[Any] | None


class CardEngine(Protocol):
    """Cards of the square. Only what is public and published is ever put here. All methods raise
    `EngineUnavailable`; `search` raises `ValueError` for a position that is not one of its own."""

    async def put(self, cards: Sequence[Card]) -> None:
        """Add or replace these cards; durable and visible to every process on return."""

    async def remove(self, ids: Sequence[UUID]) -> None:
        """Take these cards away; unknown ids are no error."""

    async def search(self, query: CardQuery) -> CardPage:
        """One page of matching cards, in a total order that is stable while the cards are."""

    async def rebuild(self, cards: Iterable[Card]) -> None:
        """Hold exactly these cards from now on."""

    async def close(self) -> None:
        """Let go of every open file; the engine may be used again afterwards."""
