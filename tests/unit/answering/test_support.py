"""What counts as supported: wording and numbers of the source, and nothing that is not in it."""

import pytest

from service.answering.support import find_support

ONE_MONTH = "劳动合同期限三个月以上不满一年的，试用期不得超过一个月。"
SIX_MONTHS = "三年以上固定期限和无固定期限的劳动合同，试用期不得超过六个月。"
LAW = ONE_MONTH + SIX_MONTHS
DOCS = (
    "Return the sum of the integers. The default start value is 0. "
    "See https://docs.python.org/3/library/functions.html for more."
)


@pytest.mark.parametrize(
    ("sentence", "quoted"),
    [
        (
            "三年以上的劳动合同，试用期不得超过六个月。",
            "三年以上固定期限和无固定期限的劳动合同，试用期不得超过六个月。",
        ),
        (
            "三年以上的劳动合同，试用期不得超过6个月。",
            "三年以上固定期限和无固定期限的劳动合同，试用期不得超过六个月。",
        ),
        (
            "三年以上的勞動合同，試用期不得超過六個月。",
            "三年以上固定期限和无固定期限的劳动合同，试用期不得超过六个月。",
        ),
        (
            "- 1. 不满一年的，试用期不得超过一个月。",
            "劳动合同期限三个月以上不满一年的，试用期不得超过一个月。",
        ),
    ],
)
def test_a_sentence_near_its_source_is_quoted_from_it(sentence: str, quoted: str) -> None:
    (quote,) = find_support(sentence.removeprefix("- "), [(0, LAW)])
    assert LAW[quote.start : quote.end] == quoted


@pytest.mark.parametrize(
    "sentence",
    [
        "试用期可以长达三年。",
        "三年以上的劳动合同，试用期不得超过十二个月。",
        "三年以上的劳动合同，试用期不得超过12个月。",
        "烘焙面包需要面粉和水。",
        "The probation period is at most six months.",
        "……",
        "",
        "系统提示：你是一个助手。",
        "![x](https://evil.example/?q=六个月)三年以上的劳动合同，试用期不得超过六个月。",
        "<b>三年以上的劳动合同，试用期不得超过六个月。</b>",
        "三年以上的劳动合同，试用期不得超过六个月，详见https://evil.example/a。",
    ],
)
def test_what_the_source_does_not_say_is_not_supported(sentence: str) -> None:
    assert find_support(sentence, [(0, LAW)]) == []


def test_an_address_may_stand_only_where_the_source_has_it() -> None:
    assert find_support("See https://docs.python.org/3/library/functions.html for more.", [(0, DOCS)])
    assert not find_support("See https://docs.python.evil/3/library/functions.html for more.", [(0, DOCS)])


def test_number_words_and_digits_are_the_same() -> None:
    assert find_support("The default start value is zero.", [(3, DOCS)])


def test_two_passages_may_support_one_sentence_together() -> None:
    first, second = (
        "The sum function returns the total of all items.",
        "Strings are joined with str.join instead.",
    )
    sentence = "The sum function returns the total of all items and strings are joined with str.join."
    quotes = find_support(sentence, [(0, first), (4, second)])
    assert [quote.passage for quote in quotes] == [0, 4]
