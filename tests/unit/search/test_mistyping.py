from dataclasses import replace
from uuid import UUID

import pytest

from search.engine.port import PassageHit
from search.mistyping import errors, near, slack
from search.passages.evidence import best_sentences
from search.passages.question import analyse


@pytest.mark.parametrize(
    ("word", "other", "parted_by"),
    [
        ("relativity", "relativity", 0),
        ("relativty", "relativity", 1),
        ("relattivity", "relativity", 1),
        ("relatevity", "relativity", 1),
        ("realtivity", "relativity", 1),
        ("realtivty", "relativity", 2),
        ("", "abc", 3),
        ("ca", "abc", 3),  # what was swapped is not changed again
    ],
)
def test_errors_are_letters_missing_added_changed_or_swapped(word: str, other: str, parted_by: int) -> None:
    assert errors(word, other) == errors(other, word) == parted_by


def test_short_words_and_numbers_are_never_mistyped_and_long_ones_twice_at_most() -> None:
    assert [slack(word) for word in ("the", "1066", "bund", "tunneln", "relativ", "relativi")] == [
        0,
        0,
        1,
        1,
        1,
        2,
    ]


def test_a_word_is_near_those_it_may_have_been_meant_as() -> None:
    held = ["steam", "stem", "team", "steams", "stream", "~steam", "seteam", "steam1"]
    assert near("steam", held) == ["stem", "steams", "stream", "seteam", "steam1"]
    assert near("the", ["then"]) == []
    assert near("goverment", ["government", "governments", "govern", "movement"]) == [
        "government",
        "governments",
    ]


def test_a_word_meant_is_read_where_the_mistyped_one_stands_and_counts_less() -> None:
    meant = (("parlimant", "parliament"),)
    question = analyse("When did the Parlimant sit?", ("en",), meant)
    assert {term.text for term in question.terms if term.word and not term.beside} >= {"parliament", "sit"}
    assert next(term for term in question.terms if term.text == "parlimant").beside
    text = "A town in the north. The parliament sat there."
    one = UUID(int=1)
    found = PassageHit(one, one, one, "A town", {}, 0, len(text), text, 1.0, 1.0, meant=meant)
    (best,) = best_sentences("Where was the Parlimant?", [found], limit=1)
    assert text[best.start - found.start :] == "The parliament sat there."
    (exact,) = best_sentences("Where was the Parliament?", [replace(found, meant=())], limit=1)
    assert best.score < exact.score
