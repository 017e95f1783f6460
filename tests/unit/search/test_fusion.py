from uuid import UUID

from search.passages.fusion import Key, fuse, key_of, reordered
from search.passages.hits import PassageHit


def hit(number: int, score: float = 0.0, *, title: str = "", looked_up: bool = False) -> PassageHit:
    id = UUID(int=number)
    weights = (1.0,) if score else ()
    return PassageHit(
        UUID(int=99), id, id, title or f"t{number}", {}, 0, 9, "text", score, 0.5 if score else 0.0, weights,
        looked_up, 777 if score else 1000, ("en",) if score else (),
    )  # fmt: skip


def cosines(*hits: tuple[PassageHit, float]) -> dict[Key, float]:
    return {key_of(one): cosine for one, cosine in hits}


def order(hits: list[PassageHit]) -> list[int]:
    return [one.document_id.int for one in hits]


def test_what_both_find_comes_before_what_one_finds() -> None:
    words = [hit(1, 3.0), hit(2, 2.5)]
    near = [hit(3), hit(2)]
    fused = fuse("q", words, near, cosines((hit(3), 0.9), (hit(2), 0.9), (hit(1), 0.2)))
    assert order(fused) == [2, 3, 1]


def test_scores_fall_and_stay_on_the_scale_of_words() -> None:
    fused = fuse("q", [hit(1, 3.0)], [hit(1), hit(2)], cosines((hit(1), 0.9), (hit(2), 0.8)))
    assert [round(one.score, 3) for one in fused] == [3.0, 1.867]


def test_a_passage_without_a_vector_stands_by_its_words_alone() -> None:
    fused = fuse("q", [hit(1, 3.0), hit(2, 1.0)], [hit(2)], cosines((hit(2), 0.9)))
    assert order(fused) == [1, 2]


def test_the_best_by_words_stays_among_the_first_three() -> None:
    near = [hit(n) for n in range(2, 9)]
    fused = fuse("q", [hit(1, 3.0)], near, cosines((hit(1), 0.01), *((one, 0.9) for one in near)))
    assert order(fused) == [2, 3, 1, 4, 5, 6, 7, 8]
    assert [one.score for one in fused] == sorted((one.score for one in fused), reverse=True)


def test_an_article_asked_for_by_its_number_stays_first() -> None:
    first = hit(1, 5.0, looked_up=True)
    fused = fuse("q", [first], [hit(2), hit(3)], cosines((first, 0.01), (hit(2), 0.9), (hit(3), 0.9)))
    assert order(fused)[0] == 1
    assert order(reordered(fused, [1, 2, 0], [first]))[0] == 1


def test_an_older_edition_does_not_come_back_by_meaning() -> None:
    new, old = hit(1, title="劳动合同法(2012-12-28)"), hit(2, title="劳动合同法(2007-06-29)")
    assert order(fuse("q", [], [old, new], cosines((old, 0.9), (new, 0.88)))) == [1, 2]


def test_hits_by_meaning_carry_the_counts_of_the_scope() -> None:
    fused = fuse("q", [hit(1, 3.0)], [hit(2)], cosines((hit(2), 0.9)))
    assert {(one.among, one.languages, one.weights) for one in fused} == {(777, ("en",), (1.0,))}
    assert {one.document_id.int: one.matched for one in fused} == {1: 0.5, 2: 0.0}


def test_another_order_keeps_the_scores_in_their_places() -> None:
    hits = [hit(1, 3.0), hit(2, 2.0), hit(3, 1.0)]
    moved = reordered(hits, [2, 0, 1], hits)
    assert order(moved) == [3, 1, 2]
    assert [one.score for one in moved] == [3.0, 2.0, 1.0]


def test_without_hits_by_meaning_nothing_changes() -> None:
    assert fuse("q", [hit(1, 3.0)], [], {}) == [hit(1, 3.0)]
