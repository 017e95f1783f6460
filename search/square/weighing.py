"""How well a card fits a query, in whole numbers that any engine can add up.

Every part of a query may match in several ways, each worth a constant: no engine's own statistics or
formula takes part. What people read and what is fresh adds to that, within a bound: all of it together is
less than one exact match in a summary, so it orders what fits alike and buries nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from search.square.card import CardQuery, Sort
from search.square.cards import Wanted, wanted_of
from search.square.indexed import WEIGHTS, new_from, popular_from
from search.square.synonyms import Synonyms

EXACT, FORM, SYNONYM, BEGINNING, MISTYPED = 4, 3, 3, 2, 1
# Shares of what an exact match of the whole query in a title is worth; one in a summary is worth .25.
POPULAR, FRESH = 0.1, 0.05
READERS = (1, 3, 10, 30, 100, 300)
AGES = (7, 30, 90)
"""Days."""
RAREST = 12
PARTS = 24
"""Of a query; what follows them is not looked for, so that no engine refuses a query for its size."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to match in one field: all `tokens` are there; or a word `begins` with the one token, or is
    `slack` typing errors from it. Worth `weight`."""

    field: str
    tokens: tuple[str, ...]
    weight: int
    kind: Literal["terms", "begins", "mistyped"] = "terms"
    slack: int = 0


@dataclass(frozen=True, slots=True)
class Lift:
    """What every card gains whose `key` (`new_key` or `popular_key`) is at least so high."""

    key: Literal["new", "popular"]
    least: int
    weight: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """A query in full. Of each part, the best way in each field counts; `least` parts must match."""

    parts: Sequence[Sequence[Sequence[Way]]]
    least: int
    lifts: Sequence[Lift]


@dataclass(frozen=True, slots=True)
class Asked:
    """A `CardQuery` understood. `silent`: it has words asked of it, and none that can be looked for."""

    wanted: list[Wanted]
    sort: Sort
    silent: bool


def asked_of(query: CardQuery, synonyms: Synonyms) -> Asked:
    """With nothing to look for, `relevance` sorts as `popular`."""
    wanted = wanted_of(query.q, synonyms)[:PARTS] if query.q else []
    sort = query.sort if wanted or query.sort != "relevance" else "popular"
    return Asked(wanted, sort, bool(query.q and query.q.strip() and not wanted))


def rarity(cards: int, holding: int) -> int:
    """How telling a part of a query is, 2..12: `holding` of so many `cards` on the square have it."""
    return max(2, min(RAREST, round(2 * math.log(1 + max(1, cards) / (holding + 0.5)))))


def weighed(wanted: Sequence[Wanted], rarities: Sequence[int], now: datetime | None) -> Weighed:
    """All of one or two parts must match, else half of them."""
    parts = [[_ways(name, w, r) for name in WEIGHTS] for w, r in zip(wanted, rarities, strict=True)]
    whole = EXACT * WEIGHTS["title"] * sum(rarities)
    popular, fresh = round(whole * POPULAR / len(READERS)), round(whole * FRESH / len(AGES))
    lifts = [Lift("popular", popular_from(readers), popular) for readers in READERS]
    if now is not None:
        lifts += [Lift("new", new_from(now - timedelta(days=days)), fresh) for days in AGES]
    least = len(parts) if len(parts) <= 2 else math.ceil(len(parts) / 2)
    return Weighed(parts, least, [lift for lift in lifts if lift.weight])


def _ways(name: str, wanted: Wanted, rarity: int) -> list[Way]:
    unit = WEIGHTS[name] * rarity
    word = wanted.forms[:1]
    ways = [Way(name, (form,), (FORM if i else EXACT) * unit) for i, form in enumerate(wanted.forms)]
    ways += (Way(name, tokens, SYNONYM * unit) for tokens in wanted.also)
    if wanted.prefix:
        ways.append(Way(name, word, BEGINNING * unit, "begins"))
    if wanted.slack:
        ways.append(Way(name, word, MISTYPED * unit, "mistyped", wanted.slack))
    return ways


# -- positions: where the next page begins, in JSON values


@dataclass(frozen=True, slots=True)
class Position:
    """After the card of this score and key. The rarities and the time that the first page was scored by
    travel with it, so a card that did not change keeps its place while others come and go."""

    score: float
    key: int
    rarities: list[int]
    now: datetime | None


def position_of(query: CardQuery, asked: Asked) -> Position | None:
    """Raises `ValueError` where the query's position is not one of the same search."""
    given = query.position
    if given is None:
        return None
    try:
        sort, score, key, rarities, seconds = given
    except ValueError:
        raise ValueError("not a position in this search") from None
    sound = (
        sort == asked.sort
        and _number(score)
        and math.isfinite(score)
        and type(key) is int
        and 0 <= key < 2**63
        and isinstance(rarities, list)
        and len(rarities) == len(asked.wanted)
        and all(type(r) is int and 2 <= r <= RAREST for r in rarities)
        and (seconds is None or (type(seconds) is int and 0 <= seconds < 2**36))
    )
    if not sound:
        raise ValueError("not a position in this search")
    now = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return Position(float(score), key, rarities, now)


def position(sort: Sort, score: float, key: int, rarities: Sequence[int], now: datetime | None) -> list[Any]:
    return [sort, score, key, list(rarities), None if now is None else int(now.timestamp())]


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
