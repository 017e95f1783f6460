"""Passages as they are handed out: neighbours joined where they adjoin, and not all of one document.

The order is that of the hits; a joined passage stands where the best of its members stood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from uuid import UUID

from search.passages.cutting import place_of, size
from search.passages.hits import PassageHit
from search.passages.places import WITHIN, spread

GAP = 16  # code points of white space that may lie between two passages that adjoin
REPEATED = 0.5  # what a document's further passages count beside those of others


@dataclass(frozen=True, slots=True)
class _Place:
    start: int
    locator: dict[str, Any]


def adjoining(hits: Sequence[PassageHit], *, largest: float) -> list[list[PassageHit]]:
    """The hits in groups of neighbours, each group best first and where its best one stood. Only passages of
    one part of a text (heading, article, page, slide, sheet, chapter) adjoin, and only as long as together
    they are no larger than `largest` (`cutting.size`); 0: each is alone."""
    groups: list[list[PassageHit]] = []
    for hit in hits:
        group = [hit]
        for other in list(groups):
            if _adjoin(other, group) and _size([*other, *group]) <= largest:
                if group in groups:
                    groups.remove(other)
                    group += other
                else:
                    other += group
                    group = other
        if group not in groups:
            groups.append(group)
    return groups


def span_of(group: Sequence[PassageHit]) -> tuple[UUID, int, int]:
    """The revision, start and end of a group of neighbours."""
    return group[0].revision_id, min(hit.start for hit in group), max(hit.end for hit in group)


def gaps(hits: Sequence[PassageHit]) -> list[tuple[UUID, int, int]]:
    """What may lie between any two of the hits that adjoin, as spans: what joins them, besides their own
    texts."""
    return list(
        {
            (one.revision_id, one.end, other.start): None
            for one in hits
            for other in hits
            if one.revision_id == other.revision_id and 0 < other.start - one.end <= GAP
        }
    )


def text_of(group: Sequence[PassageHit], between: Mapping[tuple[UUID, int, int], str]) -> str:
    """The text of a group of neighbours; ``between`` has what is stored in its gaps."""
    inside = sorted(group, key=lambda hit: hit.start)
    text = inside[0].text
    for before, hit in pairwise(inside):
        text += between.get((hit.revision_id, before.end, hit.start), "") + hit.text
    return text


def joined(group: Sequence[PassageHit], text: str) -> list[PassageHit]:
    """The group as one hit; `text` is what is stored at its span. As it was where more than white space lies
    between them."""
    _, start, end = span_of(group)
    inside = sorted(group, key=lambda hit: hit.start)
    if len(text) != end - start or any(text[h.start - start : h.end - start] != h.text for h in inside):
        return list(group)
    ends = [start, *(hit.end for hit in inside)]
    if any(text[a - start : hit.start - start].strip() for a, hit in zip(ends, inside, strict=False)):
        return list(group)
    locator = spread([place for hit in inside for place in _places(hit)])
    matched = max(hit.matched for hit in group)
    says = max(hit.says for hit in group)
    looked_up = any(hit.looked_up for hit in group)
    return [
        replace(
            group[0], start=start, end=end, text=text, locator=locator, matched=matched, says=says,
            looked_up=looked_up,
        )
    ]  # fmt: skip


def varied(hits: Sequence[PassageHit], *, limit: int, of_document: int) -> list[PassageHit]:
    """At most `limit` of the hits, in their order. Before any that a document has beyond `of_document`, those
    of others are taken that score half as high; 0: the best are taken, whosever they are."""
    seen: Counter[UUID] = Counter()
    worth = []
    for hit in hits:
        seen[hit.document_id] += 1
        further = 0 < of_document < seen[hit.document_id]
        worth.append(min(hit.score, hit.score * REPEATED) if further else hit.score)
    kept = sorted(range(len(hits)), key=lambda i: (-worth[i], i))[:limit]
    return [hits[i] for i in sorted(kept)]


def _adjoin(one: Sequence[PassageHit], other: Sequence[PassageHit]) -> bool:
    (revision, start, end), (others, begin, stop) = span_of(one), span_of(other)
    return (
        revision == others
        and (0 <= begin - end <= GAP or 0 <= start - stop <= GAP)
        and place_of(one[0].locator) == place_of(other[0].locator)
    )


def _size(group: Sequence[PassageHit]) -> float:
    return sum(size(hit.text) for hit in group)


def _places(hit: PassageHit) -> list[_Place]:
    plain = {name: value for name, value in hit.locator.items() if name != WITHIN}
    inside = [_Place(begin, {**plain, **differing}) for begin, differing in hit.locator.get(WITHIN, ())]
    return [_Place(hit.start, plain), *inside]
