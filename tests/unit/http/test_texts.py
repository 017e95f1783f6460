"""What the document says of a text is what the rooms ask of it."""

import re

import pytest

from billing.payouts.reach import InvalidCountry, checked
from service.http.texts import MONTH, Country, Handle
from service.knowledge.profiles import HANDLE

CHARACTERS = ("a", "Z", "0", "-", "_", ".", " ", "ß", "七", "\n")


def pattern_of(text: object) -> re.Pattern[str]:
    (meta,) = text.__metadata__  # type: ignore[attr-defined]  # of an Annotated
    return re.compile(meta.extra_json_schema["pattern"].replace("$", r"\Z"))


@pytest.mark.parametrize("length", [1, 2, 3, 39, 40, 41])
def test_a_handle(length: int) -> None:
    told = pattern_of(Handle)
    for first in CHARACTERS:
        for last in CHARACTERS:
            text = (first + "x" * (length - 2) + last)[:length]
            assert bool(told.match(text)) is bool(HANDLE.fullmatch(text)), text


def test_a_country() -> None:
    told = pattern_of(Country)
    for text in ("DE", "cn", "D", "DEU", "D1", "ÄÖ", "中国", "D "):
        try:
            checked(text)
            right = len(text) == 2
        except InvalidCountry:
            right = False
        assert bool(told.match(text)) is right, text


def test_a_month() -> None:
    told = re.compile(MONTH["pattern"].replace("$", r"\Z"))
    for text, right in (("2026-11", True), ("2026-13", False), ("2026-1", False), ("1999-12", False)):
        assert bool(told.match(text)) is right, text
