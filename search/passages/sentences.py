"""How well a sentence answers a question: what ranking and the extract both go by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from search.passages.question import Question, Unit
from search.passages.reading import Joint, Place, Reading, read

WRITTEN = (
    0.8  # what the written word covers of a unit asked in everyday speech, or the one meant of a mistyped
)
WEAK = 0.2  # what a lone character covers of its unit, of which no bigram was found
LED_IN = 0.9  # what the sentence before a list covers of a unit that the item itself lacks
FROM_HEADING = 0.5  # what a heading covers of a unit that the sentence itself lacks
BRIEF = 0.5  # how much a sentence gains that is about nothing else
LEAD = 0.4  # how much one gains that begins with what is asked about
BOUND = 0.1  # how much one gains that sets a bound where a bound was asked for
ANSWER = 0.4  # how much one gains that shows the kind of answer asked for


class Scored(msgspec.Struct, frozen=True, gc=False):
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
    question: Question, weights: Sequence[float], passages: Sequence[tuple[str, str]]
) -> list[tuple[float, list[Scored]]]:
    """Of each passage (its folded text and its folded heading) the fraction of the question's weight that it
    covers with its heading, and every sentence of it, in order."""
    total = sum(weights) or 1.0
    joint = Joint([reading_for(question, folded) for folded, _ in passages])
    places = {form: joint.words(form) if word else joint.grams(form) for form, word in question.leads}
    shares = [_shares(unit, joint, places) for unit in question.units]
    headed = _headed(question, [heading for _, heading in passages])
    own, beyond = [0.0] * len(joint.of), [0.0] * len(joint.of)
    given, whole = [0.0] * len(passages), [0.0] * len(passages)
    for weight, above, found in zip(weights, headed, shares, strict=True):
        most = list(above)
        for number, share in found.items():
            of, worth = joint.of[number], weight * share
            own[number] += worth
            beyond[number] += max(0.0, worth - weight * FROM_HEADING * above[of])
            if share > most[of]:
                most[of] = share
        for of, share in enumerate(most):
            if share:
                whole[of] += weight * share
                given[of] += weight * FROM_HEADING * above[of]
    leads = _leads(joint, places.values())
    scored: list[tuple[float, list[Scored]]] = []
    shown, bound, spread = question.answer, question.bound, 0.4 if question.spaced else 1.0
    for of, reading in enumerate(joint.readings):
        found_here: list[Scored] = []
        leading: int | None = None  # the sentence that leads into the list that is being read
        led_answers = False
        for number, (start, end) in enumerate(reading.sentences, joint.firsts[of]):
            at = number - joint.firsts[of]
            if not (item := reading.items[at]):
                leading, led_answers = None, False
            coverage = given[of] + beyond[number]
            if leading is not None:
                coverage = sum(
                    weight
                    * max(found.get(number, 0.0), FROM_HEADING * above[of], LED_IN * found.get(leading, 0.0))
                    for weight, above, found in zip(weights, headed, shares, strict=True)
                )
            coverage /= total
            about = own[number] / total
            sentence = reading.folded[start:end]
            answers = shown is not None and coverage > 0 and shown.search(sentence) is not None
            score = coverage
            if about:
                score += about * (BRIEF * 40 / (40 + (end - start) * spread) + LEAD / (1 + leads[number] / 5))
                if answers or (item and led_answers):
                    sets = bound is not None and bound.search(sentence) is not None
                    score += (ANSWER + BOUND * sets) * min(1.0, 2 * about)
            found_here.append(Scored(start, end, coverage, about, answers, score))
            if reading.leading[at]:
                leading, led_answers = number, answers
        scored.append((whole[of] / total, found_here))
    return scored


def _leads(joint: Joint, places: Iterable[Sequence[Place]]) -> list[int]:
    """How many characters stand in each sentence before the first thing asked about, past an article's
    number."""
    begins, first = joint.begins, list(joint.lengths)
    for stands in places:
        for number, at in stands:
            if 0 <= at - begins[number] < first[number]:
                first[number] = at - begins[number]
    return first


def _shares(unit: Unit, joint: Joint, places: Mapping[str, Sequence[Place]]) -> dict[int, float]:
    """How much of the unit each sentence holds that holds any of it. `places` says where the forms stand."""
    found: dict[int, float] = {}
    if unit.weak is not None and unit.forms != (unit.weak,):
        found = dict.fromkeys(joint.holding(unit.weak), WEAK)
    for form in unit.written:
        for number, _ in places[form]:
            found[number] = WRITTEN
    for form in unit.forms:
        for number, _ in places[form]:
            found[number] = 1.0
    return found


def _headed(question: Question, headings: Sequence[str]) -> list[Sequence[float]]:
    """How much of each unit of the question each folded heading says."""
    nothing = (0.0,) * len(headings)
    above = [reading_for(question, heading) for heading in headings]
    joined = "\n".join(headings)
    return [
        [_share(unit, reading) for reading in above]
        if unit.weak is None or unit.weak in joined or unit.written
        else nothing
        for unit in question.units
    ]


def _share(unit: Unit, reading: Reading) -> float:
    if unit.weak is None:
        return 1.0 if any(map(reading.words, unit.forms)) else WRITTEN * any(map(reading.words, unit.written))
    text = reading.folded
    if any(form in text for form in unit.forms):
        return 1.0
    if any(form in text for form in unit.written):
        return WRITTEN
    return WEAK * (unit.weak in text)
