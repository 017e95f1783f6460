"""The marks of an edition in titles and in the lines a text opens with: dates and version numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from search.text import fold

OPENING_CHARACTERS = 1500
_NUMERALS = "零一二三四五六七八九"
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_STATE = "中华人民共和国"
_NOT_LETTERS = re.compile(r"[\W_]+")

_YEAR = r"(?<!\d)(?P<y>(?:19|20)\d\d)"
_DATE = (
    rf"(?:{_YEAR}(?:\s*[-./_年]\s*(?P<m>1[0-2]|0?[1-9])(?:\s*[-./_月]\s*(?P<d>3[01]|[12]\d|0?[1-9]))?)?"
    r"\s*[年月日]?(?!\d)"
    r"|(?<!\d)(?P<cy>(?:19|20)\d\d)(?P<cm>1[0-2]|0[1-9])(?P<cd>3[01]|[12]\d|0[1-9])?(?!\d))"
)
# What says of a date or number that it is an edition's, and not just a day.
_SAID = (
    r"(?:(?:修订|修正|修改|更新|校订)(?:版本?|本|稿)?|版本?"
    r"|(?:[\s_-]*\b(?:edition|edn?|revision|revised|update|updated)\b\.?))"
)
_OPEN, _CLOSE = r"[\s(（\[【〔〈《_.,-]*", r"[\s)）\]】〕〉》_.-]*$"
_DATE_AT_END = re.compile(rf"{_OPEN}{_DATE}\s*(?P<said>{_SAID})?{_CLOSE}")
_DATE_AT_START = re.compile(
    rf"^[\s(（\[【〔]*{_DATE}(?:(?P<said>{_SAID})[\s)）\]】〕_.-]*|[\s)）\]】〕_.-]+)(?=\S)"
)
_DOTTED = r"\d{1,3}(?:\.\d{1,3}){0,3}"
_VERSION_AT_END = re.compile(
    rf"{_OPEN}(?:(?<![a-z0-9])(?:v|ver|version|rev|revision|版本|r)[\s._-]*(?P<v>{_DOTTED})(?:\s*版)?"
    rf"|第\s*(?P<zh>\d{{1,3}}|[一二三四五六七八九十]{{1,3}})\s*版|(?P<dot>\d{{1,3}}(?:\.\d{{1,3}}){{1,3}})\s*版"
    r"|(?<!\d)(?P<nth>\d{1,3})(?:st|nd|rd|th)[\s_-]*ed(?:ition|n)?\b\.?|(?:edition|edn)[\s_-]*(?P<ed>\d{1,3}))"
    rf"{_CLOSE}"
)
_PLAIN_R = re.compile(r"(?<![a-z0-9])r[\s._-]*\d{1,3}\W*$")

_ENACTED = re.compile(
    r"(?P<y>(?:19|20)\d\d)年(?P<m>\d{1,2})月(?P<d>\d{1,2})日[^\n]{0,80}?(?:通过|修正|修订|公布|发布|施行|修改|生效)"
)
_KEYED = re.compile(
    r"(?:版本日期|(?:修订|更新|生效|施行|实施|公布|发布|颁布)(?:日期|时间)?"
    r"|(?:last[ -]+)?(?:updated|revised|modified|amended)(?:[ -]+on)?"
    r"|effective(?:[ -]+(?:date|from|as of|on))?"
    r"|(?:publication|revision|issue)[ -]+date)\s*[:：]?\**\s*(?P<when>[^\n]{4,24})",
    re.IGNORECASE,
)
_KEYED_VERSION = re.compile(
    rf"^\W*(?:version|版本号?)\s*[:：]?\**\s*v?(?P<v>{_DOTTED})\W*$", re.IGNORECASE | re.M
)
_WRITTEN = re.compile(
    r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+"
    r"(?P<year>(?:19|20)\d\d)"
    r"|(?P<day2>\d{1,2})(?:st|nd|rd|th)?\s+(?P<month2>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,?"
    r"\s+(?P<year2>(?:19|20)\d\d)",
    re.IGNORECASE,
)
_ANY_DATE = re.compile(_DATE)
_LABEL = re.compile(r"^(?:(\d{4})(?:-(\d\d)(?:-(\d\d))?)?)?(?:(?:^| )v(\d{1,3}(?:\.\d{1,3}){0,3}))?$")


@dataclass(frozen=True, slots=True)
class Mark:
    """A date, as far as it is known (year, month, day), a version's numbers, or both."""

    date: tuple[int, ...] = ()
    version: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """As it is shown and kept: `2012-12-28`, `2019`, `v2.1`, `2023-05 v2`."""
        date = "-".join(f"{part:02}" for part in self.date)
        version = "v" + ".".join(map(str, self.version)) if self.version else ""
        return f"{date} {version}".strip()

    def newer_than(self, other: Mark) -> bool:
        """By date where both have one, then by version; what cannot be compared is not newer."""
        if bool(self.date) != bool(other.date):
            return False
        shared = min(len(self.date), len(other.date))
        if self.date[:shared] != other.date[:shared]:
            return self.date[:shared] > other.date[:shared]
        if len(self.date) != len(other.date) or not (self.version or other.version):
            return False
        return _whole(self.version) > _whole(other.version) if self.version and other.version else False


@lru_cache(maxsize=4096)
def read_label(label: str) -> Mark:
    """The mark that a label writes. Raises `ValueError` for anything but a date, a version or both."""
    match = _LABEL.match(label)
    if match is None or not label:
        raise ValueError("an edition is a date like 2012-12-28, a version like v2, or both")
    date = tuple(int(part) for part in match.groups()[:3] if part)
    if (
        any(part == 0 for part in date)
        or (len(date) > 1 and date[1] > 12)
        or (len(date) > 2 and date[2] > 31)
    ):
        raise ValueError("an edition's date is a day of the calendar")
    return Mark(date, tuple(map(int, match[4].split("."))) if match[4] else ())


def mark_of_title(title: str) -> tuple[str, Mark | None, bool]:
    """The title without its marks (folded), the mark if there is one, and whether it is said to be an
    edition's: `2019版` and `v2` are, a mere date is not."""
    name, said = fold(title), False
    date: tuple[int, ...] = ()
    version: tuple[int, ...] = ()
    for _ in range(3):
        if not version and (found := _version_at_end(name)):
            name, version = found
            said = True
        elif not date and (match := _DATE_AT_END.search(name) or _DATE_AT_START.search(name)):
            date = _date(match)
            said = said or match["said"] is not None
            name = name[: match.start()] if match.start() else name[match.end() :]
        else:
            break
    return name, Mark(date, version) if date or version else None, said


def mark_of_text(text: str) -> Mark | None:
    """The latest date, else the version, that the lines a text opens with give for it."""
    opening = text[:OPENING_CHARACTERS]
    dates = [_date(match) for match in _ENACTED.finditer(opening)]
    for keyed in _KEYED.finditer(opening):
        if written := _WRITTEN.match(keyed["when"]):
            month = (written["month"] or written["month2"])[:3].lower()
            dates.append(
                (
                    int(written["year"] or written["year2"]),
                    _MONTHS.index(month) + 1,
                    int(written["day"] or written["day2"]),
                )
            )
        elif match := _ANY_DATE.match(keyed["when"]):
            dates.append(_date(match))
    if dates:
        return Mark(max(dates))
    version = _KEYED_VERSION.search(opening)
    return Mark(version=_numbers(version["v"])) if version else None


def name_of(name: str) -> str:
    """A title without marks, as works are compared by: letters alone, folded."""
    return _NOT_LETTERS.sub("", fold(name)).replace(_STATE, "")


def _version_at_end(name: str) -> tuple[str, tuple[int, ...]] | None:
    match = _VERSION_AT_END.search(name)
    if match is None or _PLAIN_R.search(name):
        return None
    written = match["v"] or match["dot"] or match["nth"] or match["ed"] or match["zh"]
    return name[: match.start()], _numbers(written)


def _numbers(written: str) -> tuple[int, ...]:
    if written[0] not in _NUMERALS + "十":
        return tuple(map(int, written.split(".")))
    tens, _, ones = written.rpartition("十")
    ten = (_NUMERALS.index(tens) if tens else 1) * 10 if "十" in written else 0
    return (ten + (_NUMERALS.index(ones) if ones else 0),)


def _date(match: re.Match[str]) -> tuple[int, ...]:
    groups = match.groupdict()
    parts = [groups[name] or groups.get("c" + name) for name in ("y", "m", "d")]
    return tuple(int(part) for part in parts if part)


def _whole(version: tuple[int, ...]) -> tuple[int, ...]:
    """Without the zeros at its end: v2 is v2.0."""
    end = len(version)
    while end > 1 and version[end - 1] == 0:
        end -= 1
    return version[:end]
