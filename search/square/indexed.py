"""What a card is found, filtered, counted and sorted by: the same for every engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b

from search.square.card import Card, CardQuery
from search.text import fold, language_of, tokens

WEIGHTS = {"title": 8, "tags": 5, "creator": 4, "summary": 2}
FACETS = ("category", "tags", "language", "price")
FACET_VALUES = 100
"""Of each facet, the most frequent."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def fields_of(card: Card) -> dict[str, str]:
    """The searched texts of a card, by what they are shown as."""
    return {
        "title": card.title,
        "tagline": card.tagline,
        "summary": card.summary,
        "tags": " · ".join(card.tags),
        "creator": f"{card.creator_name} @{card.creator_handle}",
    }


def terms_of(card: Card) -> dict[str, list[str]]:
    """The tokens of each text of ``WEIGHTS``, each once, in the order of their first place. The tagline is
    found as the summary's beginning."""
    language = language_of(f"{card.title} {card.summary}", card.language)
    texts = fields_of(card)
    texts["summary"] = f"{texts.pop('tagline')}\n{texts['summary']}"
    return {name: list(dict.fromkeys(tokens(text, language))) for name, text in texts.items()}


def facets_of(card: Card) -> dict[str, list[str]]:
    """The values that a card is counted under, as they were written."""
    return {
        "category": [card.category],
        "tags": list(dict.fromkeys(card.tags)),
        "language": [card.language],
        "price": ["free" if card.free else "paid"],
    }


def filters_of(query: CardQuery) -> dict[str, str]:
    """The folded value asked for of each facet that is asked for."""
    asked = {"category": query.category, "tags": query.tag, "language": query.language, "price": query.price}
    return {name: fold(value) for name, value in asked.items() if value is not None}


def folded_of(card: Card) -> dict[str, list[str]]:
    """What a card's facets are filtered by."""
    return {name: [fold(value) for value in values] for name, values in facets_of(card).items()}


def new_key(card: Card) -> int:
    """Sorts the newest highest: microseconds, then a grain of the id. Below 2**63."""
    return min(_micros(card.published_at), 2**51 - 1) << 12 | _grain(card)


def popular_key(card: Card) -> int:
    """Sorts the most read highest, then the newest, then by a grain of the id. Below 2**63."""
    seconds = _micros(card.published_at) // 1_000_000
    return popular_from(card.popularity) | min(seconds, 2**31 - 1) << 12 | _grain(card)


def popular_from(popularity: int) -> int:
    """The least `popular_key` of this many readers."""
    return min(max(popularity, 0), 2**20 - 1) << 43


def new_from(since: datetime) -> int:
    """The least `new_key` of what was published then."""
    return min(_micros(since), 2**51 - 1) << 12


def no_facets() -> dict[str, dict[str, int]]:
    return {name: {} for name in FACETS}


def most(counts: dict[str, int]) -> dict[str, int]:
    """The most frequent values, alike in the order of the alphabet."""
    ordered: Sequence[tuple[str, int]] = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return dict(ordered[:FACET_VALUES])


def _micros(time: datetime) -> int:
    since = time - _EPOCH
    return max(0, int(since.total_seconds()) * 1_000_000 + since.microseconds)


def _grain(card: Card) -> int:
    return int.from_bytes(blake2b(card.id.bytes, digest_size=4).digest()) % 2**12
