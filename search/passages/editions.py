"""Editions: which texts are dated versions of one work, and which of two is the newer.

An edition is told by a document's own title and text alone, never by its neighbours: what is newer than
what follows by comparing two texts that an asker may both see, so none outside a scope can age one in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nsmallest
from zlib import crc32

from search.passages.edition_marks import Mark, mark_of_text, mark_of_title, name_of, read_label

SKETCH_CHARACTERS = 20_000
SKETCH_SIZE = 96
ALIKE = 0.35
"""The share of their shingles that two texts of one name have in common, where the name leaves it open."""

# The name of a rule book, of which there is one at a time. Of anything else (reports, decisions, contracts)
# two dates may well be two texts, and only what they say tells.
_RULES = re.compile(
    r"(?:(?<![方说做看想用手语书算魔])法|办法|法典|条例|规定|细则|规则|规程|章程|准则|制度|标准|规范|手册|指南|守则|政策"
    r"|条款|须知|教程|大纲)$"
    r"|(?:\b|_)(?:act|code|laws?|regulations?|rules|policy|policies|terms|standards?|handbook|manual|guide"
    r"|guidelines?|specification|spec|charter|bylaws|directive|ordinance|statute|constitution|faq|syllabus"
    r"|curriculum)$"
)
# What comes out again and again beside what was before, never in its place.
_SERIES = re.compile(
    r"周报|日报|月报|季报|年报|旬报|简报|通讯|纪要|会议|例会|晨会|日记|日志|记录|账单|发票|公告|新闻"
    r"|\b(?:minutes|meetings?|stand-?up|newsletters?|weekly|daily|monthly|quarterly|diary|journal|logs?"
    r"|invoices?|receipts?|statements?|news|transcripts?|chat)\b"
)
_LETTERS = re.compile(r"[\W_]+")
# The name of a statute stands for one text wherever it lies; of anything else (a handbook, a house rule) two
# folders hold two works.
_STATUTE = re.compile(
    r".*(?:(?<![方说做看想用手语书算魔])法|法典|条例|规定|办法|细则)|.*[\s_-](?:act|code|regulations?|constitution|directive)"
)


@dataclass(frozen=True, slots=True)
class Edition:
    """`work` is the name shared by all editions (folded, letters only), empty for a text that stands alone;
    `label` says which one: a date as far as it is known (`2012-12-28`, `2019`), a version (`v2.1`) or both.
    `sketch` is empty where the name alone tells that two are of one work, else what their likeness is
    measured by."""

    work: str
    label: str
    sketch: bytes = b""

    @property
    def mark(self) -> Mark:
        """The label, to be compared. Raises `ValueError` for one that is none."""
        return read_label(self.label)


ALONE = Edition("", "")


def recognise(title: str, text: str, folder: str = "") -> Edition:
    """The edition that a text says it is; `ALONE` where it says nothing, or nothing to be sure of. `folder`
    is where the file lay, if anywhere."""
    name, mark, said = mark_of_title(title)
    titled = mark is not None
    if mark is None:
        mark = mark_of_text(text)
    name = name.strip(" -_.,()[]【】《》")
    work = name_of(name)
    if mark is None or len(work) < 2 or work.isdecimal():
        return ALONE
    statute = _STATUTE.fullmatch(name) is not None
    # A date within a text is a word about something: but for a statute's, it takes texts that are alike.
    sure = said or ((titled or statute) and _RULES.search(name) is not None)
    if not sure and _SERIES.search(name):
        return ALONE
    if folder and not statute:
        work = f"{work} {folder}"
    return Edition(work, mark.label, b"" if sure else sketch(text))


@lru_cache(maxsize=4096)
def recognise_title(title: str) -> Edition:
    """As far as the title alone tells; never of a work whose texts would have to be compared."""
    found = recognise(title, "")
    return ALONE if found.sketch else found


def supersedes(one: Edition, other: Edition) -> bool:
    """Whether `one` is a newer edition of the work that `other` is an edition of. Dates are compared as far
    as both are known: 2021 is neither older nor newer than 2021-03."""
    if not one.work or one.work != other.work or not one.mark.newer_than(other.mark):
        return False
    if one.sketch and other.sketch:
        return likeness(one.sketch, other.sketch) >= ALIKE
    return True


def sketch(text: str) -> bytes:
    """The smallest hashes of the text's shingles: what two texts have in common shows in what their
    sketches do."""
    letters = _LETTERS.sub("", text[:SKETCH_CHARACTERS].lower())
    width = 8 if letters.isascii() else 4
    encoded = letters.encode("utf-16-le", "surrogatepass")
    hashes = {crc32(encoded[i : i + 2 * width]) for i in range(0, len(encoded) - 2 * width + 2, 2)}
    return b"".join(value.to_bytes(4, "big") for value in nsmallest(SKETCH_SIZE, hashes)) or b"\0\0\0\0"


def likeness(one: bytes, other: bytes) -> float:
    """The share, 0..1, of all their shingles that both texts have, as their sketches tell."""
    ours, theirs = _values(one), _values(other)
    smallest = set(nsmallest(SKETCH_SIZE, ours | theirs))
    return len(smallest & ours & theirs) / len(smallest) if smallest else 0.0


def superseded(editions: Sequence[tuple[object, Edition]], folded: str = "") -> list[bool]:
    """Which of these, each of a collection, has a newer edition of its own collection among them. One whose
    year the question `folded` names is meant as it is."""
    of_work: dict[tuple[object, str], set[Edition]] = {}
    for collection, edition in editions:
        if edition.work:
            of_work.setdefault((collection, edition.work), set()).add(edition)
    if all(len(same) == 1 for same in of_work.values()):
        return [False] * len(editions)
    return [
        bool(edition.work)
        and any(supersedes(other, edition) for other in of_work[collection, edition.work])
        and not is_named(edition.label, folded)
        for collection, edition in editions
    ]


def is_named(label: str, folded: str) -> bool:
    """Whether a folded question names this edition's year. Raises `ValueError` for a label that is none."""
    date = read_label(label).date
    return bool(date) and str(date[0]) in folded


def _values(packed: bytes) -> set[int]:
    return {int.from_bytes(packed[i : i + 4], "big") for i in range(0, len(packed), 4)}
