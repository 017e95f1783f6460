"""The sentences of the found passages that answer a question word for word, and whether any do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from search.passages.hits import PassageHit
from search.passages.question import Question, analyse
from search.passages.sentences import Scored, score_sentences
from search.text import fold

READ = 6  # how many passages are read for sentences
OF_PASSAGE = 1.5  # what the passage's own score counts beside its sentence's
# A question is answered when the best passage says this much of it (`PassageHit.says`, some 3 at the most,
# less what follows); of one in words more, which foreign texts hold sooner than pairs of characters.
ENOUGH = 0.59
OF_WORDS = 0.22
TWICE = 1.0  # taken away of what the best sentence says: `says` counts it as the passage's and as its own
# What the best sentence adds for each nat of rarity of what it says of the question, beyond what one of so
# many passages says by chance: less than none where it says no more than that.
BEYOND_CHANCE = 0.1
CHARACTER = 0.5  # what a character's rarity counts: two make a word
SHORT = 0.8  # divided by the question's length in words: of a short one, more must be said
MISFIT = 0.4  # what counts against it that only sentences not of the kind asked for say


@dataclass(frozen=True, slots=True)
class Evidence:
    """`[start, end)` in code points of the hit's revision: one whole sentence."""

    hit: PassageHit
    start: int
    end: int
    score: float


def best_sentences(query: str, passages: Sequence[PassageHit], *, limit: int) -> list[Evidence]:
    """At most `limit` sentences of the best passages, best first; none twice, and no heading alone."""
    question = _analysed(query, passages)
    found: list[Evidence] = []
    seen: set[str] = set()
    for hit, scored in _sentences(question, passages[:READ]):
        text = hit.text[scored.start : scored.end]
        if (scored.coverage > 0 or hit.looked_up) and not text.startswith("#"):
            score = scored.score + OF_PASSAGE * hit.score
            if hit.looked_up:  # asked for whole: read from its beginning
                score = OF_PASSAGE * hit.score + 1 - scored.start / (len(hit.text) + 1)
            found.append(Evidence(hit, hit.start + scored.start, hit.start + scored.end, score))
    found.sort(key=lambda evidence: -evidence.score)
    kept = []
    for evidence in found:
        text = evidence.hit.text[evidence.start - evidence.hit.start : evidence.end - evidence.hit.start]
        if text not in seen:
            seen.add(text)
            kept.append(evidence)
    return kept[:limit]


def supported(query: str, hits: Sequence[PassageHit]) -> bool:
    """Whether the hits hold enough of the question for an answer to be drawn from them.

    The measure is how much the best passage says of it; how rare, among so many passages, what one sentence
    of it says is; and how much is said only where no answer of the kind asked for stands (a time, a sum, a
    penalty). None of it belongs to one collection of texts: rarity is counted in the scope."""
    question = _analysed(query, hits)
    if not question.units or not hits:
        return False
    if hits[0].looked_up:
        return True
    rarity = [
        weight * (CHARACTER if unit.weak else 1.0)
        for weight, unit in zip(_weights(question, hits[0]), question.units, strict=True)
    ]
    saying = max(hits[:READ], key=lambda hit: hit.says)
    best = fitting = about = 0.0
    for hit, scored in _sentences(question, hits[:READ]):
        best = max(best, scored.coverage)
        about = max(about, scored.about * (hit is saying))
        if scored.answers:
            fitting = max(fitting, scored.coverage)
    spaced = sum(unit.weak is None for unit in question.units) / len(question.units)
    words = len(question.units) * (1 + spaced) / 2  # two characters for a word
    said = saying.says - TWICE * about
    said += BEYOND_CHANCE * (sum(rarity) * about - math.log(max(1, hits[0].among)))
    if question.answer is not None:
        said -= MISFIT * (best - fitting)
    return said - SHORT / max(1.5, words) >= ENOUGH + OF_WORDS * spaced


def _analysed(query: str, hits: Sequence[PassageHit]) -> Question:
    """The question as the search that found these read it."""
    return analyse(query, hits[0].languages, hits[0].meant) if hits else analyse(query)


def _weights(question: Question, hit: PassageHit) -> tuple[float, ...]:
    return hit.weights if len(hit.weights) == len(question.units) else (1.0,) * len(question.units)


def _sentences(question: Question, hits: Sequence[PassageHit]) -> Iterator[tuple[PassageHit, Scored]]:
    for weights, of in groupby(hits, key=lambda hit: _weights(question, hit)):
        group = list(of)
        passages = [
            (fold(hit.text), fold("\n".join([hit.title, *map(str, hit.locator.get("heading_path") or [])])))
            for hit in group
        ]
        for hit, (_, sentences) in zip(group, score_sentences(question, weights, passages), strict=True):
            for scored in sentences:
                yield hit, scored
