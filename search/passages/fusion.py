"""Joins what was found by words with what was found by meaning, and reorders without losing the scale.

All of it was found inside the asker's scope; nothing from outside enters. What decides that a question is
refused (`evidence.supported`) counts words alone: each model has cosines of its own, and nobody can say which
are near enough. So the best passage by words is kept near the top whatever the vectors say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from search.passages.editions import recognise_title, superseded
from search.passages.hits import PassageHit
from search.text import fold

# Each side divided by its own maximum and added up; better than reciprocal ranks (.812 against .789).
WORDS, MEANING = 0.3, 0.7
OLDER = 0.15  # taken from an older edition of a work whose newer one is there
KEPT = 3  # the place that the best passage by words falls to at the worst

Key = tuple[UUID, int, int]


def key_of(hit: PassageHit) -> Key:
    """Which passage it is: revision, start, end."""
    return hit.revision_id, hit.start, hit.end


def fuse(
    query: str, by_words: Sequence[PassageHit], by_meaning: Sequence[PassageHit], cosines: Mapping[Key, float]
) -> list[PassageHit]:
    """All of both, best first, none twice. `by_words` is best first; `cosines` holds those of `by_meaning`
    and of the `by_words` that have a vector: one without stands by its words alone. Scores are on the scale
    of `by_words`'. Ties break by passage."""
    if not by_meaning:
        return list(by_words)
    hits = {key_of(hit): hit for hit in [*by_meaning, *by_words]}
    words = {key_of(hit): max(0.0, hit.score) for hit in by_words}
    most = max(words.values(), default=0.0) or 1.0
    nearest = max(max(cosines.values()), 1e-9)
    like = by_words[0] if by_words else None
    keys = list(hits)
    older = superseded(
        [(hits[key].knowledge_base_id, recognise_title(hits[key].title)) for key in keys], fold(query)
    )
    fused: dict[Key, float] = {}
    for key, old in zip(keys, older, strict=True):
        said = words.get(key, 0.0) / most
        meant = max(0.0, cosines[key]) / nearest if key in cosines else said
        fused[key] = WORDS * said + MEANING * meant - OLDER * old
    ordered = sorted(keys, key=lambda key: (-fused[key], str(hits[key].document_id), key[1], key[2]))
    joined = [replace(_counted_like(like, hits[key]), score=max(0.0, fused[key]) * most) for key in ordered]
    return keeping(joined, by_words)


def reordered(
    hits: Sequence[PassageHit], order: Sequence[int], by_words: Sequence[PassageHit]
) -> list[PassageHit]:
    """The hits in another order; the scores stay where they were, so that the first still has the highest."""
    moved = [replace(hits[i], score=place.score) for i, place in zip(order, hits, strict=True)]
    return keeping(moved, by_words)


def keeping(hits: Sequence[PassageHit], by_words: Sequence[PassageHit]) -> list[PassageHit]:
    """The hits, with the best by words brought up to place `KEPT`, and to the first if the question asks for
    it by its number."""
    found = list(hits)
    if not by_words:
        return found
    best = key_of(by_words[0])
    at = next((i for i, hit in enumerate(found) if key_of(hit) == best), None)
    place = 0 if by_words[0].looked_up else KEPT - 1
    if at is None or at <= place:
        return found
    hit = found.pop(at)
    found.insert(place, replace(hit, score=found[place].score))
    return found


def _counted_like(counted: PassageHit | None, hit: PassageHit) -> PassageHit:
    """A hit by meaning with the counts of the scope that the hits by words were given."""
    if counted is None or hit.weights:
        return hit
    return replace(
        hit,
        weights=counted.weights,
        among=counted.among,
        languages=counted.languages,
        meant=counted.meant,
    )
