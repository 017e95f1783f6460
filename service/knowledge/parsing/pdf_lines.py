"""From the lines of printed pages to paragraphs and headings, by where they stand and how large they are."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

_ENDS = re.compile(r"[.。!！?？;；:：…]+[\"'”’」』）)\]]*$")
_OPENS = re.compile(
    r"[•●○■◆▪–—*]\s|[-‐]\s|[(（]?[0-9一二三四五六七八九十]{1,3}[)）.、．]\s*\S|第[零〇一二三四五六七八九十百千0-9]+[条條章节節编編]"
)
_WIDE = re.compile(
    r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\uff60\U00020000-\U0003ffff]"
)
_GOES_ON = re.compile(r"[。.，,;；]$")
HYPHENS = "-\u00ad\u2010"
_DIGITS = re.compile(r"\d+")
LARGER = 1.12
"""A heading is set at least so many times as large as the body."""
HEADING_CHARACTERS = 120
FURNITURE_PAGES = 4
FURNITURE_SHARE = 0.6
DEEPEST_SIZE = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A printed line; measures in points from the lower left of its page, ``size`` of its letters."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines joined; ``top`` is that of the first, ``level`` that of a heading, or 0."""

    text: str
    top: float
    level: int


def furniture(pages: Sequence[Sequence[Line]]) -> set[str]:
    """The running headers and footers: first and last lines that most pages share, but for their numbers."""
    if len(pages) < FURNITURE_PAGES:
        return set()
    seen: Counter[str] = Counter()
    for lines in pages:
        if len(lines) > 2:
            seen.update({_bare(line) for line in (*_ordered(lines)[:1], *_ordered(lines)[-1:])})
    return {text for text, count in seen.items() if count >= max(3, FURNITURE_SHARE * len(pages))}


def without(lines: Sequence[Line], repeated: set[str]) -> list[Line]:
    """``lines`` less the running ones at the edges of their page."""
    edges = {id(line) for line in (*_ordered(lines)[:1], *_ordered(lines)[-1:])}
    return [line for line in lines if id(line) not in edges or _bare(line) not in repeated]


def _ordered(lines: Sequence[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: -line.top)


def _bare(line: Line) -> str:
    return _DIGITS.sub("#", "".join(line.text.split()))


def heading_sizes(pages: Iterable[Sequence[Line]]) -> list[float]:
    """The sizes that headings are set in, largest first."""
    counted: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            counted[line.size] += len(line.text)
    if not counted:
        return []
    body = counted.most_common(1)[0][0]
    return sorted((size for size in counted if size >= LARGER * body), reverse=True)[:DEEPEST_SIZE]


def paragraphs(lines: Sequence[Line], sizes: Sequence[float]) -> Iterator[Paragraph]:
    """The lines of one page as paragraphs, in their order."""
    if not lines:
        return
    left = min(line.left for line in lines)
    right = max(line.right for line in lines)
    steps = [above.top - line.top for above, line in pairwise(lines) if above.top > line.top]
    step = median(steps) if steps else 0.0
    group: list[Line] = []
    for line in lines:
        if group and _begins(group[-1], line, left, right, step):
            yield _paragraph(group, sizes)
            group = []
        group.append(line)
    yield _paragraph(group, sizes)


def _begins(above: Line, line: Line, left: float, right: float, step: float) -> bool:
    """Whether ``line`` begins a paragraph below ``above``."""
    if abs(line.size - above.size) > 0.1 * above.size or _OPENS.match(line.text):
        return True
    down = above.top - line.top
    if down <= 0:  # Another column: the sentence goes on there.
        return bool(_ENDS.search(above.text))
    if down > 1.4 * max(step, line.size):
        return True
    if line.left > above.left + 1.2 * line.size and line.left > left + 1.2 * line.size:
        return True
    short = above.right < right - 0.15 * (right - left)
    return short and (bool(_ENDS.search(above.text)) or above.right < left + 0.6 * (right - left))


def _paragraph(lines: Sequence[Line], sizes: Sequence[float]) -> Paragraph:
    text = lines[0].text
    for line in lines[1:]:
        text = joined(text, line.text)
    level = 0
    if (
        lines[0].size in sizes
        and len(text) <= HEADING_CHARACTERS
        and not text.endswith(("。", ".", "，", ",", ";", "；"))
    ):
        level = sizes.index(lines[0].size) + 1
    return Paragraph(text, lines[0].top, level)


def joined(before: str, after: str) -> str:
    """Two lines as one: no space within an unspaced script, a word divided at the line's end whole again."""
    if (
        before.endswith(("-", "\u00ad", "\u2010", "\ufffe", "\x02"))
        and before[-2:-1].isalpha()
        and after[:1].islower()
    ):
        return before[:-1] + after
    if _WIDE.match(before[-1:]) and _WIDE.match(after[:1]):
        return before + after
    return f"{before} {after}"
