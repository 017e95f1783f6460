"""A document as a page: its blocks in order, with an exact span marked, a window of it at a time."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.usecases.read_knowledge_base import Anchor, DocumentPage

WINDOW = 60_000
"""Code points on one page, about; a page ends where a block ends."""


@dataclass(frozen=True)
class Shown:
    """A block cut at the marked span: the middle is marked, and any of the three may be empty.

    ``level`` is that of a heading, 0 for anything else. The three joined are the block's text, but for the
    marks that make a line a heading.
    """

    start: int
    level: int
    before: str
    cited: str
    after: str
    first: bool
    """Whether the marked span begins here: where a link to it leads."""


@dataclass(frozen=True)
class Window:
    """What of a document one page shows; ``earlier`` and ``later`` are where the pages beside it begin."""

    blocks: list[Shown]
    earlier: int | None
    later: int | None


def window(document: DocumentPage, *, start: int | None, end: int | None, begin: int | None) -> Window:
    """The window with the span ``[start, end)`` in it, or the one that holds code point ``begin``.

    A span that is empty or not inside the text is not marked.
    """
    text = document.text
    span = (start, end) if start is not None and end is not None and 0 <= start < end <= len(text) else None
    starts = _starts(document.anchors, len(text))
    firsts = _window_starts(starts)
    wanted = begin if begin is not None else span[0] if span else 0
    index = max(0, bisect_right(firsts, wanted) - 1)
    low = firsts[index]
    high = firsts[index + 1] if index + 1 < len(firsts) else len(text)
    if span and low <= span[0] < high:
        high = max(high, _after(starts, span[1], len(text)))
    levels = {anchor.start: anchor.locator.get("level", 0) for anchor in document.anchors}
    bounds = [*(at for at in starts if low <= at < high), high]
    blocks = [_cut(text, at, to, levels.get(at, 0), span) for at, to in pairwise(bounds)]
    return Window(
        [block for block in blocks if block.before or block.cited or block.after],
        firsts[index - 1] if index else None,
        high if high < len(text) else None,
    )


def _starts(anchors: Sequence[Anchor], length: int) -> list[int]:
    """Where blocks begin. Text before the first, as front matter is, makes one of its own."""
    return sorted({0, *(anchor.start for anchor in anchors if 0 < anchor.start < length)})


def _window_starts(starts: Sequence[int]) -> list[int]:
    def chosen() -> Iterator[int]:
        last = -WINDOW
        for at in starts:
            if at - last >= WINDOW:
                last = at
                yield at

    return list(chosen())


def _after(starts: Sequence[int], position: int, length: int) -> int:
    """The first block boundary at or after ``position``."""
    return next((at for at in starts if at >= position), length)


def _cut(text: str, at: int, to: int, level: int, span: tuple[int, int] | None) -> Shown:
    start, end = span or (to, to)
    low, high = min(max(start, at), to), min(max(end, at), to)
    before, cited, after = text[at:low], text[low:high], text[high:to].rstrip()
    if not cited:
        before, after = text[at:to].rstrip(), ""
    if level:
        before = before.lstrip("# ")
        cited = cited if before else cited.lstrip("# ")
        after = after if before or cited else after.lstrip("# ")
    return Shown(at, level, before, cited, after, bool(span) and at <= start < to)
