"""Refused questions, gathered: never in words that fewer than enough readers wrote."""

from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from search.text import fold
from service.answering.demand import GAP, Refused, gathered


def asked(*questions: tuple[int, str]) -> list[Refused]:
    return [Refused(UUID(int=reader), question) for reader, question in questions]


def test_what_enough_readers_ask_alike_is_shown_once() -> None:
    (found,) = gathered(
        asked(
            (1, "试用期可以辞退员工吗"),
            (2, "试用期能辞退员工吗？"),
            (3, "试用期辞退员工"),
            (4, "年终奖怎么发"),
        ),
        least=3,
    )
    assert (found.readers, found.questions) == (3, 3)
    assert "试用期" in found.wording
    assert "辞退员工" in found.wording


def test_what_one_reader_repeats_is_not_shown() -> None:
    assert gathered(asked(*((1, "试用期可以辞退员工吗"),) * 5, (2, "试用期可以辞退员工吗")), least=3) == []


def test_the_words_of_one_reader_are_left_out() -> None:
    (found,) = gathered(
        asked(
            (1, "我是欧阳铁柱，试用期可以辞退员工吗"),
            (2, "试用期可以辞退员工吗"),
            (3, "试用期可以辞退员工吗 13800138000"),
        ),
        least=3,
    )
    assert found.wording == "试用期可以辞退员工"
    (found,) = gathered(
        asked(
            (1, "Can Mr. Ironside return roses after winter?"),
            (2, "How do I return roses after winter"),
            (3, "return roses bought at Wexford after winter"),
        ),
        least=3,
    )
    assert "Ironside" not in found.wording
    assert "Wexford" not in found.wording
    assert "return roses" in found.wording


VOCABULARY = "rose potash winter salary 试用期 年休假 辞退 员工 张三丰 13800138000 secretword"
WORDS = st.sampled_from(VOCABULARY.split())
QUESTIONS = st.lists(
    st.tuples(st.integers(0, 5), st.lists(WORDS, min_size=1, max_size=6).map(" ".join)), max_size=20
)


@given(QUESTIONS, st.integers(2, 4))
@settings(max_examples=150)
def test_every_word_shown_was_written_by_enough_readers(questions: list[tuple[int, str]], least: int) -> None:
    for found in gathered(asked(*questions), least=least):
        assert found.readers >= least
        for part in found.wording.split(GAP):
            for word in fold(part).split():
                pieces = [word] if word.isascii() else [word[n : n + 2] for n in range(len(word) - 1)]
                for piece in pieces:
                    assert len({reader for reader, said in questions if piece in fold(said)}) >= least
