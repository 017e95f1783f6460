"""Cuts a revision's text into passages: pieces small enough to be found and cited, that end where the
text pauses. All offsets count Unicode code points of the revision's text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from search.passages.places import spread
from search.text import split_sentences

# Sizes count one for a character of an unspaced script and about 2.5 for a word of another.
TARGET = 320.0
LIMIT = 500.0
ARTICLE_LIMIT = 800.0
RUNT = 60.0
# Passages never join text across these parts of a locator; of the others the first block's is kept.
_PLACES = ("heading_path", "article", "page", "slide", "sheet", "chapter")
_NOT_LETTERS = re.compile(r"[\W_]+")
_CLAUSE_END = re.compile(r"[；;，,、：:\n]|\s")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a parsed text: `[start, end)` in code points, its kind (`heading`, `paragraph`,
    `article`, `list_item`, `code`, `table`, ...) and a locator (`heading_path: [..]`, `article: str`,
    `page: int`, ...)."""

    start: int
    end: int
    kind: str
    locator: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """`text` is the revision's `text[start:end]`; the locator is its first block's, with the places of the
    others (`search.passages.places`)."""

    start: int
    end: int
    locator: dict[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class _Atom:
    """What is never divided further: a sentence, or a part of one too long for a passage."""

    start: int
    end: int
    size: float
    opens: bool  # a block begins here


def cut(text: str, blocks: Sequence[Block]) -> list[Passage]:
    """Passages of the text in order, none overlapping another. Every code point that is not white space
    lies in exactly one of them, but for headings which the next passage's `heading_path` names.

    An article of a statute is one passage where it fits; shorter paragraphs under one heading are
    joined; longer ones are divided at sentences. Text that no block covers is treated as a paragraph;
    a heading that no path names (the title of a text) opens the passage after it."""
    passages: list[Passage] = []
    waiting: list[Block] = []
    places: dict[int, str] = {}  # neighbours share a locator: what place it is, is found out once

    def place(block: Block) -> tuple[bool, str]:
        locator = block.locator
        if (known := places.get(id(locator))) is None:
            known = places[id(locator)] = place_of(locator)
        return block.kind == "heading", known

    complete = list(_complete(text, blocks))  # and so are kept, while they are known by their id
    for _, group in groupby(complete, key=place):
        members = list(group)
        if members[0].kind == "heading":
            waiting += members
            continue
        limit = ARTICLE_LIMIT if members[0].locator.get("article") else LIMIT
        packed = _pack(text, members, limit)
        unnamed = _unnamed(text, waiting, members[0].locator.get("heading_path") or [])
        waiting = []
        if unnamed:
            first = packed[0]
            start = unnamed[0].start
            packed[0] = Passage(start, first.end, first.locator, text[start : first.end])
        passages += packed
    return passages + [p for block in waiting for p in _pack(text, [block], LIMIT)]


def size(text: str) -> float:
    """How much there is to read, in characters of an unspaced script."""
    if text.isascii():
        return 0.4 * len(text)
    wide = (len(text.encode("utf-8", "surrogatepass")) - len(text)) / 2
    return wide + 0.4 * max(0.0, len(text) - wide)


def place_of(locator: Mapping[str, Any]) -> str:
    """The part of its text that a locator is in: what passages never join across."""
    return repr([locator.get(name) for name in _PLACES])


def _complete(text: str, blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks in order, clipped where they overlap, with blocks for the text between them."""
    position, locator = 0, dict[str, Any]()
    for block in sorted(blocks, key=lambda block: (block.start, block.end)):
        start, end = max(position, block.start), min(len(text), block.end)
        if not text[start:end].strip():
            continue
        if text[position:start].strip():
            yield Block(position, start, "paragraph", locator)
        whole = start == block.start and end == block.end
        yield block if whole else Block(start, end, block.kind, block.locator)
        position, locator = end, block.locator if block.kind != "heading" else {}
    if text[position:].strip():
        yield Block(position, len(text), "paragraph", locator)


def _unnamed(text: str, headings: Sequence[Block], path: Sequence[str]) -> list[Block]:
    """Those whose words the path does not hold whole, whatever the marks around them."""
    named = {_letters(name) for name in path}
    return [
        block
        for block in headings
        if (own := _letters(text[block.start : block.end])) not in named or not own
    ]


def _letters(text: str) -> str:
    return _NOT_LETTERS.sub("", text)


def _pack(text: str, blocks: Sequence[Block], limit: float) -> list[Passage]:
    atoms = [atom for block in blocks for atom in _atoms(text, block, limit)]
    total = sum(atom.size for atom in atoms)
    if total <= limit:
        spans = [atoms]
    else:
        target = total / max(1, round(total / TARGET))
        spans, filled = [[]], 0.0
        for atom in atoms:
            full = filled + atom.size > limit or filled >= target * (0.75 if atom.opens else 1.0)
            if spans[-1] and full:
                spans.append([])
                filled = 0.0
            spans[-1].append(atom)
            filled += atom.size
        if len(spans) > 1 and sum(a.size for a in spans[-1]) < RUNT:
            last = spans.pop()
            spans[-1] += last
    found = []
    for span in spans:
        if span:
            start, end = span[0].start, span[-1].end
            inside = [block for block in blocks if block.end > start and block.start < end]
            found.append(Passage(start, end, spread(inside), text[start:end]))
    return found


def _atoms(text: str, block: Block, limit: float) -> Iterator[_Atom]:
    opens = True
    for start, end in split_sentences(text[block.start : block.end]):
        for piece in _pieces(text, block.start + start, block.start + end, limit):
            yield _Atom(*piece, size(text[piece[0] : piece[1]]), opens)
            opens = False


def _pieces(text: str, start: int, end: int, limit: float) -> Iterator[tuple[int, int]]:
    """The sentence, or its parts where it is longer than a passage: at clauses, else at the limit."""
    while size(text[start:end]) > limit:
        reach = start + int(limit)
        stops = [
            match.end() for match in _CLAUSE_END.finditer(text, start + int(limit) // 2, min(reach, end))
        ]
        stop = stops[-1] if stops else min(reach, end)
        if stop >= end:
            break
        yield start, stop
        start = stop
    if start < end:
        yield start, end
