import itertools
from dataclasses import replace
from typing import Any
from uuid import UUID

from search.passages.cutting import Block, cut
from search.passages.hits import PassageHit
from search.passages.joining import adjoining, gaps, joined, span_of, text_of, varied
from search.passages.places import locator_at

TEXT = "".join(f"第{i}批货物在{i}号仓库验收，由当值的保管员逐件清点并签字确认无误。\n" for i in range(1, 40))


def hit(start: int, end: int, score: float, *, document: int = 1, **locator: Any) -> PassageHit:
    owner = UUID(int=document)
    return PassageHit(owner, owner, owner, "货物", locator, start, end, TEXT[start:end], score, score / 3)


def test_neighbours_become_one_passage_word_for_word_with_every_place_kept() -> None:
    lines = [0, *(i + 1 for i, c in enumerate(TEXT) if c == "\n")]
    blocks = [
        Block(a, b - 1, "paragraph", {"page": 1, "line": n})
        for n, (a, b) in enumerate(itertools.pairwise(lines), 1)
    ]
    first, second, third, *_ = (
        hit(p.start, p.end, score, **p.locator)
        for p, score in zip(cut(TEXT, blocks), (1.0, 3.0, 2.0, 0.5), strict=False)
    )
    ((best, *others),) = adjoining([second, third, first], largest=10_000)
    assert best is second and others == [third, first]
    revision, start, end = span_of([best, *others])
    between = {(revision, a, b): TEXT[a:b] for revision, a, b in gaps([second, third, first])}
    assert text_of([best, *others], between) == TEXT[start:end]
    (whole,) = joined([best, *others], TEXT[start:end])
    assert (whole.revision_id, whole.start, whole.end) == (revision, first.start, third.end)
    assert (whole.text, whole.score) == (TEXT[first.start : third.end], 3.0)
    for part in (first, second, third):
        assert locator_at(whole.locator, part.start) == locator_at(part.locator, part.start)
        assert locator_at(whole.locator, part.end - 3) == locator_at(part.locator, part.end - 3)


def test_a_passage_between_two_joins_both() -> None:
    left, middle, right = hit(0, 30, 3), hit(60, 90, 2), hit(30, 60, 1)
    assert adjoining([left, middle, right], largest=10_000) == [[left, right, middle]]


def test_what_does_not_adjoin_stays_apart() -> None:
    left, near = hit(0, 30, 3, article="第一条"), hit(31, 60, 2, article="第一条")
    for other in (
        hit(31, 60, 2, article="第二条"),
        replace(near, revision_id=UUID(int=9)),
        hit(50, 60, 2, article="第一条"),
    ):
        assert adjoining([left, other], largest=10_000) == [[left], [other]]
    assert adjoining([left, near], largest=0) == [[left], [near]]
    assert adjoining([left, near], largest=40) == [[left], [near]], "together they would be too long"
    assert adjoining([left, near], largest=60) == [[left, near]]


def test_passages_with_words_between_them_or_another_text_stored_are_left_as_they_were() -> None:
    left, right = hit(0, 30, 3), hit(33, 60, 2)
    assert joined([left, right], TEXT[0:60]) == [left, right], "three words of the text lie between"
    assert joined([left, right], TEXT[0:59]) == [left, right]
    assert joined([left, right], "字" * 60) == [left, right]


def test_others_come_before_what_one_document_has_beyond_its_share() -> None:
    one = [hit(40 * i, 40 * i + 20, 3 - i / 10) for i in range(5)]
    near, far = hit(0, 9, 2.0, document=2), hit(0, 9, 0.5, document=3)
    hits = [*one, near, far]
    assert varied(hits, limit=5, of_document=3) == [*one[:4], near]
    assert varied(hits, limit=4, of_document=3) == [*one[:3], near]
    assert varied(hits, limit=6, of_document=3) == [*one, near], "far scores less than half: it waits"
    assert varied(hits, limit=5, of_document=0) == one
    assert varied(hits, limit=50, of_document=1) == hits


def test_what_lies_between_neighbours_is_asked_for_and_nothing_else() -> None:
    here, next_, far, other = hit(0, 30, 3), hit(33, 60, 2), hit(90, 120, 1), hit(62, 80, 1, document=2)
    assert gaps([far, next_, here, other, replace(here, score=1)]) == [(here.revision_id, 30, 33)]
    assert gaps([hit(0, 30, 3), hit(30, 60, 2)]) == []
    assert joined([here, next_], text_of([here, next_], {})) == [here, next_], (
        "what lies between is not known"
    )
