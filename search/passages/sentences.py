"""How well a sentence answers a question: what ranking and the extract both go by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from search.passages.question import Question, Unit
from search.text import plain, runs, split_sentences, stem

_NUMBER = re.compile(
    r"第[^\s]{1,12}[条章节](?:之[一二三四五六七八九十]+)?\s*|[(（]?[\d一二三四五六七八九十]+[)）、.．]\s*"
)
_ITEM = re.compile(r"[(（]?[\d一二三四五六七八九十]+[)）、.．]|[-*•·]\s")
WRITTEN = 0.8  # what the written word covers of a unit that was asked in everyday speech
WEAK = 0.2  # what a lone character covers of its unit, of which no bigram was found
LED_IN = 0.9  # what the sentence before a list covers of a unit that the item itself lacks
FROM_HEADING = 0.5  # what a heading covers of a unit that the sentence itself lacks
BRIEF = 0.5  # how much a sentence gains that is about nothing else
LEAD = 0.4  # how much one gains that begins with what is asked about
BOUND = 0.1  # how much one gains that sets a bound where a bound was asked for
ANSWER = 0.4  # how much one gains that shows the kind of answer asked for


@dataclass(frozen=True, slots=True)
class Scored:
    """`[start, end)` in the text given; `coverage` of the question's weight 0..1; `answers`: it shows the
    kind of answer asked for; `score` joins them."""

    start: int
    end: int
    coverage: float
    answers: bool
    score: float


def covered(question: Question, weights: Sequence[float], text: str, words: str) -> float:
    """The fraction of the question's weight found in a folded text; `words` holds its words and stems,
    each between spaces."""
    found = 0.0
    for unit, weight in zip(question.units, weights, strict=True):
        found += weight * _share(unit, text, words)
    return found / (sum(weights) or 1.0)


def score_sentences(question: Question, weights: Sequence[float], folded: str, heading: str) -> list[Scored]:
    """Every sentence of a folded passage, in order."""
    total = sum(weights) or 1.0
    heading_words = words_in(heading, question.languages) if question.spaced else ""
    from_heading = [FROM_HEADING * _share(unit, heading, heading_words) for unit in question.units]
    scored: list[Scored] = []
    beside, led_in = from_heading, False
    for start, end in split_sentences(folded):
        sentence = folded[start:end]
        words = words_in(sentence, question.languages) if question.spaced else ""
        shares = [_share(unit, sentence, words) for unit in question.units]
        item = _ITEM.match(sentence) is not None
        if not item:
            beside, led_in = from_heading, False
        own = sum(map(mul, weights, shares))
        coverage = sum(map(mul, weights, map(max, shares, beside))) / total
        answers = question.answer is not None and question.answer.search(sentence) is not None
        brief = own / total * 40 / (40 + len(sentence) * (0.4 if question.spaced else 1.0))
        score = coverage + BRIEF * brief + LEAD * own / total / (1 + _lead(question, sentence) / 5)
        if answers or (item and led_in):
            sets_bound = question.bound is not None and question.bound.search(sentence) is not None
            score += (ANSWER + BOUND * sets_bound) * min(1.0, 2 * own / total)
        scored.append(Scored(start, end, coverage, answers, score))
        if sentence.endswith((":", "：")):
            beside = [max(LED_IN * share, other) for share, other in zip(shares, from_heading, strict=True)]
            led_in = answers
    return scored


def _lead(question: Question, sentence: str) -> int:
    """How many characters stand before the first thing asked about, past an article's number."""
    number = _NUMBER.match(sentence)
    start = number.end() if number else 0
    found = [at for form in question.leads if (at := sentence.find(form, start)) >= 0]
    return min(found, default=len(sentence)) - start


def words_in(text: str, languages: Sequence[str]) -> str:
    """The words of a folded text and their stems, each between spaces."""
    found: list[str] = []
    for run, _, _, unspaced in runs(text):
        if not unspaced:
            found.append(plain(run))
            found += (f"~{stem(run, language)}" for language in languages)
    return f" {'  '.join(found)} "


def _share(unit: Unit, text: str, words: str) -> float:
    if unit.weak is None:
        return float(any(f" {form} " in words for form in unit.forms))
    for form in unit.forms:
        if form in text:
            return 1.0
    for form in unit.written:
        if form in text:
            return WRITTEN
    return WEAK * (unit.weak in text)
