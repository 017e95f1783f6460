"""The sentences of the found passages that answer a question word for word, and whether any do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from search.passages.hits import PassageHit
from search.passages.question import Question, analyse
from search.passages.sentences import Scored, score_sentences
from search.text import fold

READ = 6  # how many passages are read for sentences
OF_PASSAGE = 1.5  # what the passage's own score counts beside its sentence's
# The least support a question needs, by how it is written; measured as the README says.
ENOUGH_UNSPACED, ENOUGH_SPACED = 0.38, 0.1
SHORT = 1.0  # divided by the question's length: of a short one, more must be found
ABOUT, ABOUT_TIMES = 0.36, 3  # a sentence of the kind asked for, that names the chief word so many times
# A question of this many units that one sentence says nearly whole is answered by it, whatever its kind.
LONG, WHOLE = 4, 0.85


@dataclass(frozen=True, slots=True)
class Evidence:
    """`[start, end)` in code points of the hit's revision: one whole sentence."""

    hit: PassageHit
    start: int
    end: int
    score: float


def best_sentences(query: str, passages: Sequence[PassageHit], *, limit: int) -> list[Evidence]:
    """At most `limit` sentences of the best passages, best first; none twice, and no heading alone."""
    question = analyse(query)
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

    The measure is the share of the question's informative weight that the best sentence covers with its
    headings, and the best passage; where the question asks for a kind of answer (a time, a sum, a
    penalty), half of it is the best sentence that shows that kind."""
    question = analyse(query)
    if not question.units or not hits:
        return False
    if hits[0].looked_up:
        return True
    best = fitting = 0.0
    for hit, scored in _sentences(question, hits[:READ]):
        best = max(best, scored.coverage)
        if scored.answers:
            fitting = max(fitting, scored.coverage)
            if scored.coverage >= ABOUT and _about(question, hit, scored):
                return True
    if len(question.units) >= LONG and min(best, max(hit.matched for hit in hits)) >= WHOLE:
        return True
    support = 0.7 * best + 0.3 * max(hit.matched for hit in hits)
    if question.answer is not None:
        support = (support + fitting) / 2
    words = sum(unit.weak is None for unit in question.units) / len(question.units)
    enough = ENOUGH_SPACED * words + ENOUGH_UNSPACED * (1 - words)
    return support - SHORT / max(2, len(question.units)) >= enough


def _about(question: Question, hit: PassageHit, scored: Scored) -> bool:
    """Whether the sentence keeps naming the most telling bigram it shares with the question."""
    sentence = fold(hit.text[scored.start : scored.end])
    shared = [
        (weight, max(sentence.count(form) for form in unit.forms if len(form) > 1))
        for unit, weight in zip(question.units, _weights(question, hit), strict=True)
        if unit.weak and any(len(form) > 1 and form in sentence for form in unit.forms)
    ]
    return bool(shared) and max(shared)[1] >= ABOUT_TIMES


def _weights(question: Question, hit: PassageHit) -> tuple[float, ...]:
    return hit.weights if len(hit.weights) == len(question.units) else (1.0,) * len(question.units)


def _sentences(question: Question, hits: Sequence[PassageHit]) -> Iterator[tuple[PassageHit, Scored]]:
    for hit in hits:
        heading = fold("\n".join([hit.title, *map(str, hit.locator.get("heading_path") or [])]))
        for scored in score_sentences(question, _weights(question, hit), fold(hit.text), heading):
            yield hit, scored
