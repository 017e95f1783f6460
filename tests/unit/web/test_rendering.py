import pytest

from billing.money import Money
from service.web.rendering import marked_in, price


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(990, "cny"), "¥9.90"),
        (Money(9900, "cny"), "¥99"),
        (Money(500, "jpy"), "JP¥500"),
        (Money(1234, "sek"), "12.34 SEK"),
        (Money(0, "usd"), "$0"),
    ],
)
def test_a_price_is_written_as_people_write_it(money: Money, written: str) -> None:
    assert price(money) == written


def test_a_highlight_marks_its_matches_and_nothing_else() -> None:
    assert marked_in("plain & simple", None) == "plain &amp; simple"
    assert marked_in("x", "the <em>rose</em> &amp; fern") == "the <em>rose</em> &amp; fern"


@pytest.mark.parametrize(
    "highlight",
    ["<script>alert(1)</script>", "<em><img src=x onerror=alert(1)></em>", "<em>", "</em><em onclick=1>"],
)
def test_a_highlight_that_was_not_escaped_is_escaped_here(highlight: str) -> None:
    shown = str(marked_in("x", highlight)).replace("<em>", "").replace("</em>", "")
    assert "<" not in shown
