"""How well a sentence answers a question: what ranking and the extract both go by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from search.passages.question import Question, Unit
from search.passages.reading import Place, Reading, read

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
    """`[start, end)` in the text given; `coverage` of the question's weight 0..1, and `about` what of it
    stands in the sentence itself; `answers`: it shows the kind of answer asked for; `score` joins them."""

    start: int
    end: int
    coverage: float
    about: float
    answers: bool
    score: float


def reading_for(question: Question, folded: str) -> Reading:
    """A folded text, read in the languages of the question."""
    return read(folded, question.languages if question.spaced else None)


def score_sentences(
    question: Question, weights: Sequence[float], folded: str, heading: str
) -> tuple[float, list[Scored]]:
    """The fraction of the question's weight that a folded passage covers with its heading, and every
    sentence of it, in order."""
    total = sum(weights) or 1.0
    reading, above = reading_for(question, folded), reading_for(question, heading)
    count = len(reading.sentences)
    places = {form: reading.words(form) if word else reading.grams(form) for form, word in question.leads}
    shares = [_shares(unit, reading, places) for unit in question.units]
    headed = [_share(unit, above) for unit in question.units]
    from_heading = [FROM_HEADING * share for share in headed]
    own = [0.0] * count
    given = sum(map(mul, weights, from_heading))
    coverages = [given] * count
    for weight, beside, found in zip(weights, from_heading, shares, strict=True):
        for number, share in found.items():
            own[number] += weight * share
            if share > beside:
                coverages[number] += weight * (share - beside)
    whole = sum(
        weight * max(share, *found.values()) if found else weight * share
        for weight, share, found in zip(weights, headed, shares, strict=True)
    )
    leads = _leads(reading, places.values())
    scored: list[Scored] = []
    leading: int | None = None  # the sentence that leads into the list that is being read
    led_answers = False
    for number, (start, end) in enumerate(reading.sentences):
        sentence = folded[start:end]
        item = _ITEM.match(sentence) is not None
        if not item:
            leading, led_answers = None, False
        coverage = coverages[number]
        if leading is not None:
            coverage = sum(
                weight * max(found.get(number, 0.0), beside, LED_IN * found.get(leading, 0.0))
                for weight, beside, found in zip(weights, from_heading, shares, strict=True)
            )
        coverage /= total
        about = own[number] / total
        answers = coverage > 0 and question.answer is not None and bool(question.answer.search(sentence))
        length = (end - start) * (0.4 if question.spaced else 1.0)
        score = coverage + BRIEF * about * 40 / (40 + length) + LEAD * about / (1 + leads[number] / 5)
        if answers or (item and led_answers):
            sets_bound = question.bound is not None and question.bound.search(sentence) is not None
            score += (ANSWER + BOUND * sets_bound) * min(1.0, 2 * about)
        scored.append(Scored(start, end, coverage, about, answers, score))
        if sentence.endswith((":", "：")):
            leading, led_answers = number, answers
    return whole / total, scored


def _leads(reading: Reading, places: Iterable[Sequence[Place]]) -> list[int]:
    """How many characters stand in each sentence before the first thing asked about, past an article's
    number."""
    starts = []
    for start, end in reading.sentences:
        numbered = _NUMBER.match(reading.folded, start, end)
        starts.append(numbered.end() if numbered else start)
    first = [end - start for start, (_, end) in zip(starts, reading.sentences, strict=True)]
    for stands in places:
        for number, at in stands:
            if 0 <= at - starts[number] < first[number]:
                first[number] = at - starts[number]
    return first


def _shares(unit: Unit, reading: Reading, places: Mapping[str, Sequence[Place]]) -> dict[int, float]:
    """How much of the unit each sentence holds that holds any of it. `places` says where the forms stand."""
    if unit.weak is None:
        return {number: 1.0 for form in unit.forms for number, _ in places[form]}
    found: dict[int, float] = {}
    folded, weak = reading.folded, unit.weak
    if weak in folded:
        if unit.forms != (weak,):
            for number, (start, end) in enumerate(reading.sentences):
                if folded.find(weak, start, end) >= 0:
                    found[number] = WEAK
    elif not unit.written:
        return found
    for form in unit.written:
        for number, _ in places[form]:
            found[number] = WRITTEN
    for form in unit.forms:
        for number, _ in places[form]:
            found[number] = 1.0
    return found


def _share(unit: Unit, reading: Reading) -> float:
    if unit.weak is None:
        return float(any(reading.words(form) for form in unit.forms))
    text = reading.folded
    if any(form in text for form in unit.forms):
        return 1.0
    if any(form in text for form in unit.written):
        return WRITTEN
    return WEAK * (unit.weak in text)
