"""A passage may span several rows, lines or moments: its locator is of its first block and keeps, under
`within`, what is different for those behind it, so that a sentence is located where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

WITHIN = "within"


class Placed(Protocol):
    """A block: where it begins in its text, and its locator."""

    @property
    def start(self) -> int: ...

    @property
    def locator(self) -> dict[str, Any]: ...


def spread(blocks: Sequence[Placed]) -> dict[str, Any]:
    """The locator of a passage of these blocks: the first one's and, for each other place in it, `[start,
    members that differ]` with `start` in the text of the revision."""
    first = blocks[0].locator
    within: list[tuple[int, dict[str, Any]]] = []
    before = first
    for block in blocks[1:]:
        if block.locator is not before and block.locator != before:
            before = block.locator
            differing = {name: value for name, value in before.items() if first.get(name) != value}
            within.append((block.start, differing))
    return {**first, WITHIN: within} if within else dict(first)


def locator_at(locator: dict[str, Any], start: int) -> dict[str, Any]:
    """The locator of what stands at `start`, an offset into the text of the revision."""
    shown = plain = {name: value for name, value in locator.items() if name != WITHIN}
    for begin, differing in locator.get(WITHIN, ()):
        if begin > start:
            break
        shown = {**plain, **differing}
    return shown
