"""A month's picture is XML that runs nothing, and its bars are as high as what they stand for."""

import re
from xml.dom.minidom import parseString

from hypothesis import given
from hypothesis import strategies as st

from service.http.charts import month_chart

DAYS = [f"{day:02}" for day in range(1, 31)]


@given(st.text(), st.lists(st.integers(0, 10**15), min_size=30, max_size=30), st.integers(0, 3))
def test_whatever_is_drawn_is_xml_without_script(text: str, values: list[int], places: int) -> None:
    drawn = month_chart(text, text, {text: values, "other": values}, labels=DAYS, places=places)
    document = parseString(drawn.encode())
    kinds = {element.tagName for element in document.getElementsByTagName("*")}
    assert kinds <= {"svg", "title", "desc", "rect", "text", "path"}


def test_what_looks_like_markup_is_text() -> None:
    drawn = month_chart("<script>alert(1)</script>", '"><a href="x">', {"&": [1]}, labels=["01"])
    assert "<script" not in drawn and "<a " not in drawn and "&lt;script&gt;" in drawn


def test_bars_are_as_high_as_their_numbers_and_say_them() -> None:
    drawn = month_chart(
        "t", "c", {"answers": [200, 50, 0], "passages": [0, 50, 0]}, labels=["01", "02", "03"]
    )
    bars = re.findall(r'height="([\d.]+)" fill="(#\w+)"><title>([^<]*)<', drawn)
    assert [told for *_, told in bars] == ["01 · answers: 200", "02 · answers: 50", "02 · passages: 50"]
    high = [float(height) for height, *_ in bars]
    assert high[0] == 4 * high[1] and high[1] == high[2]
    assert "2.00</text>" in month_chart("t", "c", {"answers": [200]}, labels=["01"], places=2)
    assert "NaN" not in month_chart("t", "c", {"answers": [0]}, labels=["01"])
