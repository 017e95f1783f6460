"""What every engine indexes of a passage, draws candidates by, and orders them with.

An engine only stores these terms and adds up the whole-number weights it is handed: which passages are
candidates, and how they are ordered, is decided here and in `search.passages.ranking`, for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal
from uuid import UUID
from zlib import crc32

import msgspec

from search.engine.port import IndexDocument, PassageHit
from search.languages import KNOWN
from search.mistyping import errors, near, slack
from search.passages.editions import Edition
from search.passages.naming import name_in_text
from search.passages.question import Question, analyse
from search.passages.ranking import Candidate, Statistics, rank, unit_weights
from search.text import articles, fold, language_of, tokenise

CANDIDATES = 64
SCALE = 32  # weights are whole multiples of 1/32
HEAD = 0.35
SPOKEN = "\u0001"  # before the language of a passage's words, as a term of its body
TONGUES = tuple(SPOKEN + language for language in KNOWN)
MENDED = 4  # how many words of a question are looked for as others; where words abound each takes its time
WORTH = 0.45  # of the heaviest candidate's weight: lighter ones are not read, while there are enough


class Stored(msgspec.Struct, array_like=True, frozen=True):
    """What comes back of a passage. `folded` is empty where folding changed nothing."""

    document_id: UUID
    revision_id: UUID
    title: str
    paid: bool
    language: str
    locator: dict[str, Any]
    start: int
    end: int
    text: str
    folded: str
    words: str
    heading: str
    heading_words: str
    name: str = ""
    edition: tuple[str, str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Analysed:
    """One passage as indexed. `body` holds each term of the text once, `head` those of title and headings.
    `order` multiplies a weight by log2(2 + order): a shorter passage counts a little more, and a grain of its
    id parts passages that are otherwise alike."""

    stored: Stored
    body: list[str]
    head: Sequence[str]
    order: float


def analysed(owner: IndexDocument) -> Iterator[Analysed]:
    """Each passage of a document."""
    name = name_in_text(owner.title, owner.passages[0].text) if owner.passages else ""
    edition = (owner.edition.work, owner.edition.label, owner.edition.sketch) if owner.edition else None
    for passage in owner.passages:
        path = map(str, passage.locator.get("heading_path") or ())
        over = _over((owner.title, *([name] if name else []), *path, ""), owner.language)
        own = _article(str(passage.locator.get("article") or ""))
        folded = fold(passage.text)
        language = language_of(folded, owner.language)
        grams, words = tokenise(folded, language)
        stored = Stored(
            owner.document_id, owner.revision_id, owner.title, owner.tier == "paid", owner.language,
            passage.locator, passage.start, passage.end, passage.text,
            "" if folded == passage.text else folded,
            _spaced(words), over.folded + own.folded, over.words + own.words, name, edition,
        )  # fmt: skip
        body = list(dict.fromkeys(grams + words))
        if words:
            body.append(SPOKEN + language)
        grain = crc32(f"{owner.document_id}{passage.start}".encode()) / 2**32
        length = len(grams) + len(words)
        yield Analysed(stored, body, over.terms + own.terms, 0.6 / (1 + length / 600) + grain * 1e-4)


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading folded, its terms, and its words between spaces."""

    folded: str
    terms: tuple[str, ...]
    words: str


# Neighbours share what stands over them, and every statute has a first article.
@lru_cache(maxsize=4096)
def _over(lines: tuple[str, ...], language: str) -> _Heading:
    above = "\n".join(lines)
    folded = fold(above)
    grams, words = tokenise(folded, language_of(above, language))
    return _Heading(folded, tuple(dict.fromkeys([*grams, *words])), _spaced(words))


@lru_cache(maxsize=4096)
def _article(text: str) -> _Heading:
    folded = fold(text)
    grams, words = tokenise(folded, "")
    words += (key for key, _, _ in articles(folded))
    return _Heading(folded, tuple(dict.fromkeys([*grams, *words])), _spaced(words))


def _spaced(words: Sequence[str]) -> str:
    """The words, each between spaces of its own."""
    return f" {'  '.join(words)} " if words else ""


def drawn(weights: Mapping[str, float]) -> Iterator[tuple[Literal["body", "head"], str, int]]:
    """(field, term, weight) that candidates are drawn by: a passage's weight is the sum over those it has,
    times what its `order` makes of it."""
    for term, weight in weights.items():
        yield from ways(term, weight)


def ways(term: str, weight: float) -> list[tuple[Literal["body", "head"], str, int]]:
    """Those of one term."""
    found: list[tuple[Literal["body", "head"], str, int]] = [
        ("body", term, round(weight * SCALE)), ("head", term, round(weight * SCALE * HEAD)),
    ]  # fmt: skip
    return [way for way in found if way[2]]


def understood(query: str, held: Sequence[int]) -> Question:
    """The question, put in the languages of the scope as well: four at most, which a fiftieth of the passages
    has. `held` says how many passages in scope hold each of `TONGUES`."""
    few = sum(held) / 50
    most = sorted(zip(held, KNOWN, strict=True), key=lambda entry: (-entry[0], entry[1]))[:4]
    return analyse(query, tuple(sorted(language for count, language in most if count and count >= few)))


def unheld(question: Question, frequencies: Mapping[str, int]) -> list[str]:
    """The words of the question that no passage in scope holds in any form, and that may be mistyped."""
    lost = [
        unit.forms[0]
        for unit in question.units
        if unit.weak is None and not any(map(frequencies.get, unit.forms)) and slack(unit.forms[0])
    ]
    return list(dict.fromkeys(lost))[:MENDED]


def meant(query: str, question: Question, lost: Sequence[str], held: Mapping[str, int]) -> Question:
    """The question with its lost words read as the nearest that passages in scope hold, of words as near the
    one that most do. `held` says how many hold each word that is near a lost one, and counts nothing else."""
    live = [word for word, count in held.items() if count]
    pairs = []
    for word in lost:
        nearest = min(near(word, live), key=lambda one: (errors(word, one), -held[one], one), default=None)
        if nearest is not None:
            pairs.append((word, nearest))
    return analyse(query, question.languages, tuple(pairs)) if pairs else question


def worth_reading(weights: Sequence[float], limit: int) -> float:
    """The least weight of a candidate that may yet come out among the best `limit`."""
    ordered = sorted(weights, reverse=True)
    if len(ordered) <= limit:
        return 0.0
    floor = ordered[min(max(CANDIDATES, limit), len(ordered)) - 1]
    return max(floor, min(ordered[limit - 1], ordered[0] * WORTH))


@dataclass(frozen=True, slots=True)
class Kept:
    """A passage read from an index, with what ranking reads of it; `place` is what ties break by."""

    knowledge_base_id: UUID
    stored: Stored
    candidate: Candidate
    place: tuple[int, str, int, int]


def kept(knowledge_base_id: UUID, stored: Stored) -> Kept:
    """A passage of this knowledge base."""
    candidate = Candidate(
        folded=stored.folded or stored.text,
        words=stored.words,
        heading=stored.heading,
        heading_words=stored.heading_words,
        title=stored.title,
        collection=knowledge_base_id,
        name=stored.name,
        edition=Edition(*stored.edition) if stored.edition else None,
    )
    place = (knowledge_base_id.int, str(stored.document_id), stored.start, stored.end)
    return Kept(knowledge_base_id, stored, candidate, place)


def ordered(
    question: Question, statistics: Statistics, found: Sequence[Kept], limit: int
) -> list[PassageHit]:
    """The best of the candidates, best first. The order they were found in decides nothing."""
    read = sorted(found, key=attrgetter("place"))
    units = unit_weights(question, statistics)
    ranked = rank(question, statistics, [one.candidate for one in read], units)
    best = sorted(range(len(read)), key=lambda i: ranked[i].score, reverse=True)[:limit]
    hits = []
    for i in best:
        stored = read[i].stored
        hit = PassageHit(
            read[i].knowledge_base_id, stored.document_id, stored.revision_id, stored.title, stored.locator,
            stored.start, stored.end, stored.text, ranked[i].score, ranked[i].matched, units,
            ranked[i].looked_up, statistics.passages, question.languages, question.meant, ranked[i].says,
        )  # fmt: skip
        hits.append(hit)
    return hits
