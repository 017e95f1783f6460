"""The sentences of the found passages that answer a question word for word, and whether any do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from search.passages.hits import PassageHit
from search.passages.question import Question, analyse
from search.passages.sentences import Scored, score_sentences
from search.text import fold

READ = 6  # how many passages are read for sentences
OF_PASSAGE = 1.5  # what the passage's own score counts beside its sentence's
# The least support a question needs, by how it is written; measured as the README says.
ENOUGH_UNSPACED, ENOUGH_SPACED = 0.36, 0.1
AMONG = 0.04  # what more is needed among ten times the passages: one of many matches by chance
SHORT = 1.0  # divided by the question's length: of a short one, more must be found
# A question of this many units that one sentence says nearly whole is answered by it, whatever its kind.
LONG, WHOLE = 4, 0.9


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
    penalty), half of it is the best sentence that shows that kind. More is needed among many passages."""
    question = analyse(query)
    if not question.units or not hits:
        return False
    if hits[0].looked_up:
        return True
    best = fitting = 0.0
    for _, scored in _sentences(question, hits[:READ]):
        best = max(best, scored.coverage)
        if scored.answers:
            fitting = max(fitting, scored.coverage)
    whole = max(hit.matched for hit in hits)
    if len(question.units) >= LONG and min(best, whole) >= WHOLE:
        return True
    support = 0.7 * best + 0.3 * whole
    if question.answer is not None:
        support = (support + fitting) / 2
    words = sum(unit.weak is None for unit in question.units) / len(question.units)
    unspaced = ENOUGH_UNSPACED + AMONG * math.log10(max(1, hits[0].among) / 1000)
    enough = ENOUGH_SPACED * words + unspaced * (1 - words)
    return support - SHORT / max(3, len(question.units)) >= enough


def _weights(question: Question, hit: PassageHit) -> tuple[float, ...]:
    return hit.weights if len(hit.weights) == len(question.units) else (1.0,) * len(question.units)


def _sentences(question: Question, hits: Sequence[PassageHit]) -> Iterator[tuple[PassageHit, Scored]]:
    for hit in hits:
        heading = fold("\n".join([hit.title, *map(str, hit.locator.get("heading_path") or [])]))
        for scored in score_sentences(question, _weights(question, hit), fold(hit.text), heading):
            yield hit, scored
