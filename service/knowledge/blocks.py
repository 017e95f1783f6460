"""How blocks are kept: neighbours share a locator, so each locator is written once."""

from collections.abc import Sequence
from typing import Any

from search.passages.cutting import Block


def pack(blocks: Sequence[Block]) -> dict[str, Any]:
    """``{"locators": [...], "blocks": [[start, end, kind, index of its locator], ...]}``."""
    locators: list[dict[str, Any]] = []
    rows: list[list[Any]] = []
    for block in blocks:
        if not locators or locators[-1] is not block.locator:
            locators.append(block.locator)
        rows.append([block.start, block.end, block.kind, len(locators) - 1])
    return {"locators": locators, "blocks": rows}


def unpack(packed: dict[str, Any]) -> list[Block]:
    """The blocks that ``pack`` was given."""
    locators = packed["locators"]
    return [Block(start, end, kind, locators[index]) for start, end, kind, index in packed["blocks"]]
