"""A reply is cut into the same sentences however it arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.sentences import Sentence, SentenceReader

PIECES = st.sampled_from(
    ["试用期", "不得超过", "。", "！", "\n", "[1]", "【2】", "[1, 3]", "[", "]", "[12", " ", "3.5", ".",
     "e.g.", "”", "a != b", "The end", "?", "[^4]", "…", "1. ", "x[0]", "\t", "“", "[see",
     "９", "[" + "1" * 200]
)  # fmt: skip


def read(*deltas: str) -> list[Sentence]:
    reader = SentenceReader()
    return [sentence for delta in deltas for sentence in reader.feed(delta)] + reader.close()


@given(st.lists(PIECES, max_size=20).map("".join), st.data())
def test_how_a_reply_is_split_into_deltas_makes_no_difference(reply: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(reply)), max_size=12)))
    deltas = [reply[a:b] for a, b in zip([0, *cuts], [*cuts, len(reply)], strict=True)]
    assert read(*deltas) == read(reply) == read(*reply)


@given(st.lists(PIECES, max_size=20).map("".join))
def test_no_word_is_lost(reply: str) -> None:
    def bare(text: str) -> str:
        return "".join(c for c in text if c.isalpha())

    assert bare("".join(sentence.text for sentence in read(reply))) == bare(reply)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("甲。[1]乙！【2】", [("", "甲。", (1,)), ("", "乙！", (2,))]),
        ("甲[1]。乙[2, 3]。", [("", "甲。", (1,)), ("", "乙。", (2, 3))]),
        ("One. [1] Two [2]. Three", [("", "One.", (1,)), (" ", "Two.", (2,)), (" ", "Three", ())]),
        ("See e.g. this 3.5 or a != b. [1]", [("", "See e.g. this 3.5 or a != b.", (1,))]),
        ("1. First [1]\n2. Second [2]", [("", "1. First", (1,)), ("\n", "2. Second", (2,))]),
        ("他说“好。”[1][1]", [("", "他说“好。”", (1,))]),
        ("甲。\n\n乙。[1]", [("", "甲。", ()), ("\n\n", "乙。", (1,))]),
        ("[1]", []),
        ("x[0] is [see below] fine.", [("", "x[0] is [see below] fine.", ())]),
    ],
)
def test_markers_belong_to_the_sentence_before_them(
    reply: str, expected: list[tuple[str, str, tuple[int, ...]]]
) -> None:
    assert [(s.gap, s.text, s.markers) for s in read(reply)] == expected


def test_a_sentence_comes_as_soon_as_the_next_begins() -> None:
    reader = SentenceReader()
    assert reader.feed("甲。") == []
    assert reader.feed("[1") == []
    assert reader.feed("]") == []
    assert [sentence.text for sentence in reader.feed("乙")] == ["甲。"]
