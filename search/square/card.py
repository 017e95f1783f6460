"""What the square shows, what may be asked of it, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Sort = Literal["relevance", "new", "popular"]
Price = Literal["free", "paid"]


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
    tagline: str = ""


@dataclass(frozen=True, slots=True)
class CardQuery:
    """A question to the square. `q` empty or None lists all; with no `q`, `relevance` sorts as
    `popular`. `now` is what freshness is counted from; without it nothing is fresh. `position` is a
    `CardPage.next_position` of the same query."""

    q: str | None = None
    category: str | None = None
    tag: str | None = None
    language: str | None = None
    price: Price | None = None
    sort: Sort = "relevance"
    limit: int = 20
    now: datetime | None = None
    position: list[Any] | None = None


@dataclass(frozen=True, slots=True)
class CardHit:
    """`highlights` maps a field (`title`, `tagline`, `summary`, `tags`, `creator`) to HTML-escaped text in
    which the matched words stand in `<em>`; it holds only fields that matched."""

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
