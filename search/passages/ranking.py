"""Orders the candidates that an engine found, with statistics counted inside the scope only.

Every engine hands its candidates to this one function, so that they differ in how they look a term up,
never in what they think best. Nothing outside the scope enters: not a document, not a count."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.passages.question import Question
from search.passages.sentences import covered, score_sentences

# BM25, saturating early, since passages are short. Its pivot is fixed: no neighbour's length moves a score.
K1, B, PIVOT = 0.7, 0.4, 300.0
HEADING = 0.45  # what a term in the title or headings counts beside one in the text
CHARACTER = 0.7  # what a lone character counts beside a bigram
REFINED = 12  # how many of the best are read sentence by sentence
SENTENCE = 0.8  # what the best sentence adds to a passage's score
OLDER = 0.05  # what an older edition of a text gives way to a newer one
_DATE = re.compile(r"[\s(（\[【_-]*((?:19|20)\d\d)(?:\D{0,2}(\d\d?)(?:\D{0,2}(\d\d?))?)?\D{0,3}$")


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counted over the passages in scope: how many there are, and how many hold each term."""

    passages: int
    frequencies: Mapping[str, int]

    def idf(self, term: str) -> float:
        frequency = self.frequencies.get(term, 0)
        return math.log(1 + (self.passages - frequency + 0.5) / (frequency + 0.5))

    def weight(self, term: str) -> float:
        """What a term counts: its idf, less for a lone character of an unspaced script."""
        return self.idf(term) * (CHARACTER if len(term) == 1 and term > "\u0dff" else 1.0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """`folded` is the passage's folded text, `words` its words and stems between double spaces; `heading`
    and `heading_words` the same of title and heading path. `collection` says whose editions compare."""

    folded: str
    words: str
    heading: str
    heading_words: str
    title: str
    collection: object = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """`matched` is the fraction of the question's weight that the passage and its headings cover."""

    score: float
    matched: float


def unit_weights(question: Question, statistics: Statistics) -> tuple[float, ...]:
    """What each unit of the question says about the passage wanted: the idf of its lone character, or of
    the rarest of its word forms. One that no passage holds says as much as one that a single one holds."""
    return tuple(
        max(0.05, statistics.idf(unit.weak) if unit.weak else max(map(statistics.idf, unit.forms)))
        for unit in question.units
    )


def rank(question: Question, statistics: Statistics, candidates: Sequence[Candidate]) -> list[Ranked]:
    """Score and coverage of each candidate, in the order given."""
    weights = {term.text: statistics.weight(term.text) for term in question.terms}
    total = sum(weights.values()) or 1.0
    scores = [_bm25(question, weights, candidate) / total for candidate in candidates]
    units = unit_weights(question, statistics)
    for i in sorted(range(len(scores)), key=lambda i: -scores[i])[:REFINED]:
        candidate = candidates[i]
        sentences = score_sentences(question, units, candidate.folded, candidate.heading)
        scores[i] += SENTENCE * max((sentence.score for sentence in sentences), default=0.0)
    scores = [score - OLDER * older for score, older in zip(scores, _older(candidates), strict=True)]
    return [
        Ranked(score, covered(question, units, c.folded + "\n" + c.heading, c.words + c.heading_words))
        for score, c in zip(scores, candidates, strict=True)
    ]


def _bm25(question: Question, weights: Mapping[str, float], candidate: Candidate) -> float:
    """BM25 over text and headings as one field, in which a heading counts its fraction once."""
    length = 1 - B + B * len(candidate.folded) / PIVOT
    found = 0.0
    for term in question.terms:
        if term.word:
            needle = f" {term.text} "
            count = candidate.words.count(needle) / length + HEADING * (needle in candidate.heading_words)
        else:
            count = candidate.folded.count(term.text) / length + HEADING * (term.text in candidate.heading)
        if count:
            found += weights[term.text] * count * (1 + K1) / (count + K1)
    return found


def _older(candidates: Sequence[Candidate]) -> list[bool]:
    """Whether a newer edition of the same title is among the candidates, by the dates in titles."""
    editions: dict[tuple[object, str], tuple[int, ...]] = {}
    dated = []
    for candidate in candidates:
        match = _DATE.search(candidate.title)
        date = tuple(int(part or 0) for part in match.groups()) if match else ()
        name = (candidate.collection, candidate.title[: match.start()] if match else candidate.title)
        editions[name] = max(editions.get(name, ()), date)
        dated.append((name, date))
    return [bool(date) and date < editions[name] for name, date in dated]
