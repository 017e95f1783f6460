"""What titles say: the name of a text without its date, whether a question names it, and whether the text
states a rule in force or only amends or applies one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from search.text import fold

_DATE = re.compile(r"[\s(（\[【_-]*((?:19|20)\d\d)(?:\D{0,2}(\d\d?)(?:\D{0,2}(\d\d?))?)?\D{0,3}$")
_STATE = "中华人民共和国"
_AMENDING = re.compile("修正案|修正文本|修改.{0,30}的决定")
_SUBORDINATE = re.compile("实施(?:细则|条例|办法|规定)|暂行|试行")
_NOT_LETTERS = re.compile(r"[\W_]+")


@lru_cache(maxsize=4096)
def dated(title: str) -> tuple[str, tuple[int, ...]]:
    """The title without the date at its end, and the date (year, month, day; 0 where not given; empty
    without a date)."""
    match = _DATE.search(title)
    if match is None or match.start() == 0:
        return title, ()
    return title[: match.start()], tuple(int(part or 0) for part in match.groups())


def name_in_text(title: str, opening: str) -> str:
    """The name a Markdown text gives itself in the headings it opens with, where its title does not say
    it: 总则.md opens with 民法典. Folded; empty without one."""
    known = letters_of(title)
    for line in opening.splitlines():
        if line.strip() and not line.startswith("#"):
            break
        name = _letters(line).replace(_STATE, "")
        if name and name not in known and known not in name:
            return name
    return ""


def mentioned(folded: str, names: Sequence[tuple[str, str]]) -> list[int]:
    """How many letters of each text's two names (of its title, in its text) a folded question says; a
    name inside a longer one that is said too does not count (刑法 in 刑法修正案)."""
    question = _NOT_LETTERS.sub("", folded)
    said = {
        name for pair in names for name in pair if len(name) > 1 and not name.isdecimal() and name in question
    }
    for name in sorted(said, key=len):
        if any(name != other and name in other for other in said):
            rest = question
            for other in said:
                if name != other and name in other:
                    rest = rest.replace(other, " ")
            if name not in rest:
                said.discard(name)
    return [sum(len(name) for name in set(pair) & said) for pair in names]


@lru_cache(maxsize=4096)
def letters_of(title: str) -> str:
    """The title's name folded, without its date and marks: what a question would call it."""
    return _letters(dated(title)[0]).replace(_STATE, "")


def topic(folded: str, title: str) -> float:
    """The fraction of the title's name, by bigrams, that a folded question says."""
    name = letters_of(title)
    return sum(name[i : i + 2] in folded for i in range(len(name) - 1)) / max(1, len(name) - 1)


def amends(title: str) -> bool:
    """Whether the text only changes another."""
    return _AMENDING.search(title) is not None


def subordinate(title: str) -> bool:
    """Whether the text carries out another, or stands until another is made."""
    return _SUBORDINATE.search(title) is not None


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", fold(text))
