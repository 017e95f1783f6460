"""Orders the candidates that an engine found, with statistics counted inside the scope only.

Every engine hands its candidates to this one function, so that they differ in how they look a term up,
never in what they think best. Nothing outside the scope enters: not a document, not a count."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.passages import naming
from search.passages.editions import Edition, recognise_title, superseded
from search.passages.question import Question, Unit
from search.passages.sentences import score_sentences

# BM25, saturating early, since passages are short; a word said again says more than characters that stand
# together again. Its pivot is fixed: no neighbour's length moves a score.
K1, K1_WORD, B, PIVOT = 0.7, 1.0, 0.4, 300.0
HEADING = 0.45  # what a term in the title or headings counts beside one in the text
CHARACTER = 0.5  # what a lone character counts beside a bigram
TELLING = 2.0  # the idf from which a term draws candidates
REFINED = 6  # how many of the best are read sentence by sentence
WHOLE = 0.8  # what a passage that covers the whole question adds
SENTENCE = 0.8  # what the best sentence adds to a passage's score
# Of evidence that is nearly equal: what is in force before what was, a rule before what applies or amends it.
SHOWN = 0.25  # what a passage gains that shows the kind of answer asked for, and as much again for a bound
OLDER, AMENDING, SUBORDINATE, STATED = 0.4, 0.4, 0.05, 0.45
NAMED = 0.5  # what a text gains whose name the question says
TOPIC = 0.2  # what a text gains whose title is all of words of the question
OTHER_TONGUE = 0.5  # what counts that no passage holds, of a question in two scripts, maybe asked twice
MANNER = 0.5  # what a unit counts that only says how something is done
LOOKED_UP = 3.0  # what an article gains that the question asks for by its number


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counted over the passages in scope: how many there are, and how many hold each term."""

    passages: int
    frequencies: Mapping[str, int]

    def idf(self, term: str) -> float:
        frequency = self.frequencies.get(term, 0)
        return math.log(1 + (self.passages - frequency + 0.5) / (frequency + 0.5))

    def weights(self, question: Question) -> dict[str, float]:
        """What each term counts: its idf, less for a lone character of an unspaced script and for one that
        is only written for a word of the question."""
        return {
            term.text: self.idf(term.text)
            * term.share
            * (CHARACTER if len(term.text) == 1 and term.text > "\u0dff" else 1.0)
            * (OTHER_TONGUE if question.mixed and not self.frequencies.get(term.text) else 1.0)
            for term in question.terms
        }

    def telling(self, question: Question) -> dict[str, float]:
        """The weights of the terms that candidates are drawn by: not those that every few passages hold,
        as long as the others carry most of the question."""
        weights = self.weights(question)
        kept = {term: weight for term, weight in weights.items() if self.idf(term) >= TELLING}
        return kept if sum(kept.values()) >= sum(weights.values()) / 2 else weights


@dataclass(frozen=True, slots=True)
class Candidate:
    """`folded` is the passage's folded text, `words` its words and stems between double spaces; `heading`
    and `heading_words` the same of title and heading path. `collection` says whose editions compare; `name`
    is what the text calls itself where its title does not say it; `edition` is read off the title where the
    index does not say it."""

    folded: str
    words: str
    heading: str
    heading_words: str
    title: str
    collection: object = None
    name: str = ""
    edition: Edition | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """`matched` is the fraction of the question's weight that the passage and its headings cover; `says`
    the part of the score that comes of what the passage says, whatever it is; `looked_up`: it is the
    article that the question asks for by its number."""

    score: float
    matched: float
    says: float = 0.0
    looked_up: bool = False


def unit_weights(question: Question, statistics: Statistics) -> tuple[float, ...]:
    """What each unit of the question says about the passage wanted: the idf of its lone character, or of
    the rarest of its word forms. One that no passage holds says as much as one that a single one holds."""
    return tuple(_unit_weight(unit, statistics, mixed=question.mixed) for unit in question.units)


def _unit_weight(unit: Unit, statistics: Statistics, *, mixed: bool) -> float:
    rarity = statistics.idf(unit.weak) if unit.weak else max(map(statistics.idf, unit.forms))
    if mixed and not any(map(statistics.frequencies.get, unit.forms)):
        rarity *= OTHER_TONGUE
    return max(0.05, rarity * (MANNER if unit.manner else 1.0))


def rank(question: Question, statistics: Statistics, candidates: Sequence[Candidate]) -> list[Ranked]:
    """Score and coverage of each candidate, in the order given; the coverage of the first `REFINED` alone."""
    weights = statistics.weights(question)
    total = sum(weights[term.text] for term in question.terms if term.share == 1.0) or 1.0
    looked_up = _looked_up(question, candidates)
    says = [_bm25(question, weights, candidate) / total for candidate in candidates]
    beside = [
        standing + LOOKED_UP * found
        for standing, found in zip(_standing(question, candidates), looked_up, strict=True)
    ]
    units = unit_weights(question, statistics)
    matched = [0.0] * len(says)
    first = sorted(range(len(says)), key=lambda i: -says[i] - beside[i])[:REFINED]
    for i in first:
        matched[i], sentences = score_sentences(question, units, candidates[i].folded, candidates[i].heading)
        best = max((sentence.score for sentence in sentences), default=0.0)
        says[i] += SENTENCE * best + WHOLE * matched[i]
    return [
        Ranked(own + other, share, own, found)
        for own, other, share, found in zip(says, beside, matched, looked_up, strict=True)
    ]


def _standing(question: Question, candidates: Sequence[Candidate]) -> list[float]:
    """What each text gains or loses by what it is, whatever it says."""
    older = superseded(
        [(c.collection, c.edition or recognise_title(c.title)) for c in candidates], question.folded
    )
    named = naming.mentioned(question.folded, [(naming.letters_of(c.title), c.name) for c in candidates])
    return [
        NAMED * (said > 0)
        + TOPIC * naming.topic(question.core, c.title)
        + SHOWN * _shows(question.answer, c) * (1 + _shows(question.bound, c))
        - OLDER * old
        - (AMENDING * naming.amends(c.title) + SUBORDINATE * naming.subordinate(c.title)) * (not said)
        + STATED * ("§" in c.heading_words)
        for c, old, said in zip(candidates, older, named, strict=True)
    ]


def _shows(pattern: re.Pattern[str] | None, candidate: Candidate) -> bool:
    return pattern is not None and pattern.search(candidate.folded) is not None


def _looked_up(question: Question, candidates: Sequence[Candidate]) -> list[bool]:
    """Which candidates are an article asked for by its number, of the law named where one is."""
    if not question.articles:
        return [False] * len(candidates)
    named = naming.mentioned(question.folded, [(naming.letters_of(c.title), c.name) for c in candidates])
    most = max(named, default=0)
    return [
        said == most and any(f" {key} " in c.heading_words for key in question.articles)
        for c, said in zip(candidates, named, strict=True)
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
            k1 = K1_WORD if term.word else K1
            found += weights[term.text] * count * (1 + k1) / (count + k1)
    return found
