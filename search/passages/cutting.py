"""Cuts a revision's text into passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a parsed text: `[start, end)` in code points, its kind (`heading`, `paragraph`,
    `article`, `list_item`, `code`, `table`, ...) and a locator (`headings: [..]`, `article: str`,
    `page: int`, ...)."""

    start: int
    end: int
    kind: str
    locator: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """`text` is the revision's `text[start:end]`; the locator is its first block's."""

    start: int
    end: int
    locator: dict[str, Any]
    text: str


def cut(text: str, blocks: Sequence[Block]) -> list[Passage]:
    """Placeholder replaced below."""
    return [Passage(block.start, block.end, block.locator, text[block.start : block.end]) for block in blocks]
