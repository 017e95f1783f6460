"""What a search of passages finds."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class EditionLink:
    """Another edition of the same work; `edition` is its date (as far as it is known) or version."""

    document_id: UUID
    revision_id: UUID
    title: str
    edition: str


@dataclass(frozen=True, slots=True)
class PassageHit:
    """A passage found. `text` is `revision.text[start:end]`. `score` orders the hits of one search and is
    not comparable across searches. `matched` is the fraction, 0..1, of the query's informative weight
    that the passage, its title and its heading cover; `weights` are those weights, one for each unit of
    the analysed query, as counted in this search's scope (for `evidence`; empty: all alike). `looked_up`:
    it is (a part of) the article that the query asks for by its number. `among` is how many passages the
    search's scope holds: the more, the likelier that one matches by chance. `languages` are those the
    query was analysed in, `meant` the words of it that were read as others. `says` is the part of the score
    that comes of what the passage says and not of what it is; unlike the score, it compares across searches:
    some 3 for one that says everything asked. `superseded_by` is the newest edition of the same work in
    scope; no engine fills it in."""

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
    looked_up: bool = False
    among: int = 1000
    languages: tuple[str, ...] = ()
    meant: tuple[tuple[str, str], ...] = ()
    says: float = 0.0
    superseded_by: EditionLink | None = None
