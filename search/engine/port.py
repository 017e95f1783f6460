"""What the service asks of a search engine. Two ports, since one engine may be good at only one.

All offsets count Unicode code points of a revision's text."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from search.passages.cutting import Passage
from search.passages.editions import Edition
from search.passages.hits import PassageHit
from search.passages.scope import AccessScope
from search.square.card import Card, CardHit, CardPage, CardQuery, Price, Sort

__all__ = [
    "Card", "CardEngine", "CardHit", "CardPage", "CardQuery", "DocumentTier", "DocumentsRefused",
    "EngineUnavailable", "IndexDocument", "PassageEngine", "PassageHit", "Price", "Refused", "Sort",
]  # fmt: skip

DocumentTier = Literal["free", "paid"]


class EngineUnavailable(Exception):
    """The engine cannot answer now (index missing, damaged, or its server away). Never a reason to
    fall back to an index outside the scope."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One card or document that an engine would not take, and why in its words. Tried again, it would be
    refused again."""

    id: UUID
    reason: str


class DocumentsRefused(EngineUnavailable):
    """Of the documents of one write, these were refused; nothing of them can be found."""

    def __init__(self, refused: Sequence[Refused]) -> None:
        super().__init__("; ".join(f"{one.id}: {one.reason}" for one in refused[:5]))
        self.refused = refused


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """One document's live revision, cut into passages. `tier` decides which indexes hold it: `free`
    goes into both, `paid` only into `all`. `language` is a BCP 47 tag or empty when not known. `edition` says
    which edition of which work it is (None: as its title says): of two in scope the newer comes first."""

    document_id: UUID
    revision_id: UUID
    knowledge_base_id: UUID
    title: str
    tier: DocumentTier
    language: str
    passages: Sequence[Passage]
    edition: Edition | None = None


class PassageEngine(Protocol):
    """Passages of every knowledge base, each kept apart in an index `free` and an index `all`.

    Writes are for one process at a time (the worker); reads for any number. A write returns the new
    generation, to be stored by the caller and handed back in each `IndexView`. All methods raise
    `EngineUnavailable`."""

    async def add(self, knowledge_base_id: UUID, documents: Sequence[IndexDocument]) -> int:
        """Index these documents, replacing what was indexed of each; durable on return. Raises
        `DocumentsRefused` when some were not taken: those are not found any more, the others are."""

    async def rebuild(
        self,
        knowledge_base_id: UUID,
        documents: Iterable[IndexDocument] | AsyncIterable[IndexDocument],
    ) -> int:
        """Index exactly these documents, beside the live index, then swap. Readers see the old one
        until the swap. Raises `DocumentsRefused`, and swaps nothing, when some were not taken."""

    async def drop(self, knowledge_base_id: UUID) -> None:
        """Forget the knowledge base. Dropping what is not there is no error."""

    async def search(self, scope: AccessScope, query: str, *, limit: int) -> list[PassageHit]:
        """The best passages in scope, best first; ties in a stable order. A knowledge base of which
        nothing was ever indexed has no hits. A query with no word in it has no hits."""

    async def close(self) -> None:
        """Let go of every open index; the engine may be used again afterwards."""


class CardEngine(Protocol):
    """Cards of the square. Only what is public and published is ever put here. All methods raise
    `EngineUnavailable`; `search` raises `ValueError` for a position that is not one of its own."""

    async def put(self, cards: Sequence[Card]) -> list[Refused]:
        """Add or replace these cards; durable and visible to every process on return. Returns those that
        were refused."""

    async def remove(self, ids: Sequence[UUID]) -> None:
        """Take these cards away; unknown ids are no error."""

    async def search(self, query: CardQuery) -> CardPage:
        """One page of matching cards, in a total order that is stable while the cards are."""

    async def rebuild(self, cards: Iterable[Card]) -> list[Refused]:
        """Hold exactly these cards from now on: built beside, then swapped. Returns those refused."""

    async def close(self) -> None:
        """Let go of every open file; the engine may be used again afterwards."""
