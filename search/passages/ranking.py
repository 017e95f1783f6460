"""Orders the candidates that an engine found, with statistics counted inside the scope only.

Every engine hands its candidates to this one function, so that they differ in how they look a term up,
never in what they think best. Nothing outside the scope enters: not a document, not a count."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import add
from sys import intern

import msgspec

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
        return self._weighed(question)[0]

    def telling(self, question: Question) -> dict[str, float]:
        """The weights of the terms that candidates are drawn by: not those that every few passages hold,
        as long as the others carry most of what any of them holds, nor lone characters of which a pair is
        held: the pair says more, and is found in fewer."""
        weights, common = self._weighed(question)
        kept = {term: weight for term, weight in weights.items() if term not in common}
        held = {term: weight for term, weight in weights.items() if self.frequencies.get(term)}
        if sum(weight for term, weight in held.items() if term in kept) < sum(held.values()) / 2:
            kept = weights
        pairs = [term.text for term in question.terms if len(term.text) == 2 and not term.word]
        paired = set("".join(pair for pair in pairs if pair in kept and self.frequencies.get(pair)))
        return {term: weight for term, weight in kept.items() if term not in paired}

    def _weighed(self, question: Question) -> tuple[dict[str, float], set[str]]:
        """The weights, and the terms that every few passages hold."""
        weights: dict[str, float] = {}
        common: set[str] = set()
        passages, frequencies, mixed = self.passages, self.frequencies, question.mixed
        for term in question.terms:
            text = term.text
            frequency = frequencies.get(text, 0)
            idf = math.log(1 + (passages - frequency + 0.5) / (frequency + 0.5))
            if idf < TELLING:
                common.add(text)
            idf *= term.share
            if len(text) == 1 and text > "\u0dff":
                idf *= CHARACTER
            if mixed and not frequency:
                idf *= OTHER_TONGUE
            weights[text] = idf
        return weights, common


@dataclass(slots=True)
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
    _counts: dict[str, int] | None = field(default=None, repr=False, compare=False)

    @property
    def counts(self) -> dict[str, int]:
        """How often each of `words` stands there; counted when first asked for."""
        if self._counts is None:
            self._counts = dict(Counter(map(intern, self.words.split())))
        return self._counts


class Ranked(msgspec.Struct, frozen=True, gc=False):
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
    forms = unit.forms if unit.weak else unit.written or unit.forms
    rarity = statistics.idf(unit.weak) if unit.weak else max(map(statistics.idf, forms))
    if mixed and not any(map(statistics.frequencies.get, forms)):
        rarity *= OTHER_TONGUE
    return max(0.05, rarity * (MANNER if unit.manner else 1.0))


def rank(
    question: Question,
    statistics: Statistics,
    candidates: Sequence[Candidate],
    units: Sequence[float] | None = None,
) -> list[Ranked]:
    """Score and coverage of each candidate, in the order given; the coverage of the first `REFINED` alone.
    `units` are the question's `unit_weights`, where they are known."""
    looked_up = _looked_up(question, candidates)
    says = _bm25(question, statistics.weights(question), candidates)
    beside = [
        standing + LOOKED_UP * found
        for standing, found in zip(_standing(question, candidates), looked_up, strict=True)
    ]
    weights = unit_weights(question, statistics) if units is None else units
    matched = [0.0] * len(says)
    worth = list(map(add, says, beside))
    first = sorted(range(len(says)), key=worth.__getitem__, reverse=True)[:REFINED]
    passages = [(candidates[i].folded, candidates[i].heading) for i in first]
    scored = score_sentences(question, weights, passages)
    for i, (share, sentences) in zip(first, scored, strict=True):
        matched[i] = share
        says[i] += SENTENCE * max([one.score for one in sentences], default=0.0) + WHOLE * share
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
    called = {title: _called(question.core, title) for title in {c.title for c in candidates}}
    return [
        NAMED * (said > 0)
        + called[c.title][0]
        + SHOWN * _shows(question.answer, c) * (1 + _shows(question.bound, c))
        - OLDER * old
        - called[c.title][1] * (not said)
        + STATED * ("§" in c.heading_words)
        for c, old, said in zip(candidates, older, named, strict=True)
    ]


def _called(core: str, title: str) -> tuple[float, float]:
    """What a text gains by its title, and what it loses where the question does not say its name."""
    return (
        TOPIC * naming.topic(core, title),
        AMENDING * naming.amends(title) + SUBORDINATE * naming.subordinate(title),
    )


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


def _bm25(question: Question, weights: Mapping[str, float], candidates: Sequence[Candidate]) -> list[float]:
    """BM25 over text and headings as one field, in which a heading counts its fraction once: of each
    candidate, in parts of the question's weight."""
    total = sum(weights[term.text] for term in question.terms if not term.beside) or 1.0
    grams = [term.text for term in question.terms if not term.word]
    words = [term.text for term in question.terms if term.word]
    gains = [weights[gram] * (1 + K1) / total for gram in grams]
    gains_of_words = [weights[word] * (1 + K1_WORD) / total for word in words]
    over = "\n".join({candidate.heading for candidate in candidates})
    headed = [(i, gram) for i, gram in enumerate(grams) if gram in over]
    found = []
    for candidate in candidates:
        length = 1 - B + B * len(candidate.folded) / PIVOT
        counts: list[float] = list(map(candidate.folded.count, grams))
        for i, gram in headed:
            if gram in candidate.heading:
                counts[i] += HEADING * length
        score = _saturated(gains, counts, K1 * length)
        if words:
            counts = [candidate.counts.get(word, 0) for word in words]
            if candidate.heading_words:
                for i, word in enumerate(words):
                    if f" {word} " in candidate.heading_words:
                        counts[i] += HEADING * length
            score += _saturated(gains_of_words, counts, K1_WORD * length)
        found.append(score)
    return found


def _saturated(gains: Sequence[float], counts: Sequence[float], k1: float) -> float:
    return sum([gain * count / (count + k1) for gain, count in zip(gains, counts, strict=True) if count])
