"""From pieces to blocks a person can be led to: heading paths, article numbers, pages and the like.

A locator is ``{"label", "heading_path"}`` and, where the text has them, ``"article"`` (第十九条), ``"level"``
(of a heading), ``"line"`` or ``"paragraph"`` (of a text without headings), and the members of its piece's
place (``page``, ``slide``, ``sheet``, ``row``, ``timecode``, ``chapter``). Equal neighbours share one object.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from search.passages.cutting import Block
from service.knowledge.parsing.parsed import Piece

NUMERAL = "零〇一二三四五六七八九十百千两0-9０-９"
_ARTICLE = rf"(?:\*\*|__)?(第[{NUMERAL}]+[条條](?:之[{NUMERAL}]+)?)(?:\*\*|__)?(?=[\s\u3000【（(：:]|$)"
ARTICLE = re.compile(_ARTICLE, re.MULTILINE)
"""How an article begins. A reference (第十条规定的…) goes on without a break and is none."""
ARTICLE_LINE = re.compile(rf"(?<=[\r\n])[ \t\u3000>]*{_ARTICLE}", re.MULTILINE)

DIVISION = re.compile(
    rf"[ \t\u3000]*(第[{NUMERAL}]+([编編章节節])(?:[ \t\u3000]+\S[^\n。；;]{{0,40}})?)[ \t\u3000\r]*"
)
DIVISION_LEVEL = {"编": 2, "編": 2, "章": 3, "节": 4, "節": 4}

SEPARATOR = " › "


def locate(
    text: str, pieces: Sequence[Piece], *, counted_by: Literal["line", "paragraph"] | None = None
) -> list[Block]:
    """The blocks of ``pieces``, each with its locator; articles of a statute begin a block of their own.

    Blocks under no heading and at no place are located by the number of their line or paragraph, from 1.
    """
    divided = [part for piece in pieces for part in _divide(text, piece)]
    title = _document_title(divided)
    path: list[tuple[int, str]] = []
    article: str | None = None
    place: Mapping[str, Any] | None = None
    locator: dict[str, Any] | None = None
    blocks: list[Block] = []
    line, counted = 1, 0
    for number, piece in enumerate(divided, 1):
        kind = piece.kind
        if piece.place is not place:
            place, locator = piece.place, None
        if kind == "heading":
            while path and path[-1][0] >= piece.level:
                path.pop()
            path.append((piece.level, piece.title))
            found = ARTICLE.match(piece.title)
            article, locator = (found[1] if found else None), None
            shown = _locator([name for _, name in path], title, article, place)
            blocks.append(Block(piece.start, piece.end, kind, {**shown, "level": piece.level}))
            continue
        if kind == "paragraph" and (found := ARTICLE.match(text, piece.start, piece.end)):
            article, locator, kind = found[1], None, "article"
        if locator is None:
            locator = _locator([name for _, name in path], title, article, place)
        if counted_by == "line" and not locator["label"]:
            line, counted = line + text.count("\n", counted, piece.start), piece.start
            blocks.append(Block(piece.start, piece.end, kind, {**locator, "label": f"L{line}", "line": line}))
        elif counted_by == "paragraph" and not locator["label"]:
            shown = {**locator, "label": f"paragraph {number}", "paragraph": number}
            blocks.append(Block(piece.start, piece.end, kind, shown))
        else:
            blocks.append(Block(piece.start, piece.end, kind, locator))
    return blocks


def _divide(text: str, piece: Piece) -> Iterator[Piece]:
    """A paragraph divided at the articles that begin its lines; chapter lines become headings."""
    if piece.kind != "paragraph":
        yield piece
        return
    starts = [match.start(1) for match in ARTICLE_LINE.finditer(text, piece.start, piece.end)]
    for start, end in zip([piece.start, *starts], [*starts, piece.end], strict=True):
        end = start + len(text[start:end].rstrip())
        division = DIVISION.fullmatch(text, start, end)
        if division:
            title = " ".join(division[1].split())
            yield Piece(start, end, "heading", DIVISION_LEVEL[division[2]], title, piece.place)
        elif end > start:
            whole = (start, end) == (piece.start, piece.end)
            yield piece if whole else replace(piece, start=start, end=end)


def _document_title(pieces: Sequence[Piece]) -> str | None:
    """The one first-level heading of a text is its title, and is left out of paths and labels."""
    highest = [piece.title for piece in pieces if piece.kind == "heading" and piece.level == 1]
    return highest[0] if len(highest) == 1 else None


def _locator(
    path: list[str], title: str | None, article: str | None, place: Mapping[str, Any] | None
) -> dict[str, Any]:
    headings = path[1:] if path and path[0] == title else path
    steps = headings if article is None or article in headings[-1:] else [*headings, article]
    if place is not None:
        # A sheet or chapter that is a heading too is named once.
        named = (place["label"], place.get("sheet"))
        steps = [place["label"], *(step for step in steps if step not in named)]
    locator: dict[str, Any] = {
        **(place or {}),
        "label": SEPARATOR.join(steps) or (title or ""),
        "heading_path": headings,
    }
    if article is not None:
        locator["article"] = article
    return locator
