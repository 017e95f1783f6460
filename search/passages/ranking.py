"""Orders the candidates that an engine found, with statistics counted inside the scope only.

Every engine hands its candidates to this one function, so that they differ in how they look a term up,
never in what they think best. Nothing outside the scope enters: not a document, not a count."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.passages.question import Question, Unit

K1 = 0.9
B = 0.4
PIVOT = 300.0  # the length at which BM25 neither favours nor disfavours; fixed, so that no neighbour moves it
HEADING = 0.45  # what a term in the title or headings counts beside one in the text
WEAK = 0.35  # what a lone character counts beside a bigram, in coverage
WINDOW = 0.6
ANSWER = 0.12
LEAD = 0.1
OLDER = 0.93
_DATE = re.compile(
    r"[\(（\[【]?(\d{4})(?:[-./年](\d{1,2})(?:[-./月](\d{1,2})日?)?)?年?[\)）\]】]?(?:修[订正])?$"
)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counted over the passages in scope: how many there are, and how many hold each term."""

    passages: int
    frequencies: Mapping[str, int]

    def idf(self, term: str) -> float:
        frequency = self.frequencies.get(term, 0)
        return math.log(1 + (self.passages - frequency + 0.5) / (frequency + 0.5))


@dataclass(frozen=True, slots=True)
class Candidate:
    """`folded` is the passage's folded text, `words` its words and stems between double spaces, `heading`
    and `heading_words` the same of title and heading path; `version` groups editions of one title."""

    folded: str
    words: str
    heading: str
    heading_words: str
    title: str


@dataclass(frozen=True, slots=True)
class Ranked:
    score: float
    matched: float


def rank(question: Question, statistics: Statistics, candidates: Sequence[Candidate]) -> list[Ranked]:
    """Score and coverage of each candidate, in the order given."""
    idf = {term.text: statistics.idf(term.text) * term.weight for term in question.terms}
    total = sum(idf.values()) or 1.0
    weights = unit_weights(question, statistics)
    ranked = []
    for candidate in candidates:
        length = 1 - B + B * len(candidate.folded) / PIVOT
        bm25 = 0.0
        for term in question.terms:
            if term.word:
                needle = f" {term.text} "
                count = candidate.words.count(needle) / length
                count += HEADING * (needle in candidate.heading_words)
            else:
                count = candidate.folded.count(term.text) / length
                count += HEADING * (term.text in candidate.heading)
            if count:
                bm25 += idf[term.text] * count * (1 + K1) / (count + K1)
        whole = coverage(question.units, weights, candidate.folded + "\n" + candidate.heading,
                         candidate.words + candidate.heading_words)  # fmt: skip
        score = bm25 / total
        ranked.append(Ranked(score, whole))
    return ranked


def unit_weights(question: Question, statistics: Statistics) -> list[float]:
    """What each unit of the question says about the passage wanted: the idf of its rarest known form.
    A form that no passage holds tells as much as one that a single passage holds."""
    return [
        max(statistics.idf(unit.weak or ""), 0.01) if unit.weak else max(map(statistics.idf, unit.terms))
        for unit in question.units
    ]


def coverage(units: Sequence[Unit], weights: Sequence[float], text: str, words: str) -> float:
    """The fraction of the question's weight found in the text."""
    found = 0.0
    for unit, weight in zip(units, weights, strict=True):
        if unit.weak is None:
            found += weight * any(f" {term} " in words for term in unit.terms)
        elif any(term in text for term in unit.terms):
            found += weight
        elif unit.weak in text:
            found += weight * WEAK
    return found / (sum(weights) or 1.0)
