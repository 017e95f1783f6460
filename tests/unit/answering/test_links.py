"""What is left of an answer that somebody put an address into."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.links import without_links


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("试用期不得超过六个月。[1]", "试用期不得超过六个月。[1]"),
        ("Pay at https://evil.example/x?q=1 now. [1]", "Pay at … now. [1]"),
        ("See [the form](http://evil.example) [2]", "See the form [2]"),
        ("![logo](http://evil.example/a.png) Hello [1]", "logo Hello [1]"),
        ("官网是 www.evil.example，请登录。", "官网是 …，请登录。"),
        ("<img src=//evil.example/x onerror=a()>Hi", "Hi"),
        ("a ratio of 3:4, and note: nothing", "a ratio of 3:4, and note: nothing"),
        ("click javascript:alert(1)", "click …"),
        ("a List<String> of <i>things</i>", "a List<String> of <i>things</i>"),
        ("if a < b then 3 > 2", "if a < b then 3 > 2"),
    ],
)
def test_addresses_are_taken_out_and_words_stay(said: str, left: str) -> None:
    assert without_links(said) == left


PIECES = st.sampled_from(
    ["[a]", "(http://e.example", ")", "![", "](", "//e.example/", "www.e.example", " ", "x", "<a href=", ">"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_address_survives_however_it_is_put_together(text: str) -> None:
    left = without_links(text)
    assert not re.search(r"//\s*e\.example|www\.e\.example", left)
