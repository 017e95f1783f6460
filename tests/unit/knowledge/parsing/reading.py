"""How the tests of the formats look at what was read."""

from typing import Any

from service.knowledge.parsing.parsed import Parsed


def told(parsed: Parsed) -> list[tuple[str, str, str]]:
    """Of each block: its kind, its label, its text. Blocks lie in order within the text."""
    position = 0
    for block in parsed.blocks:
        assert position <= block.start < block.end <= len(parsed.text)
        assert parsed.text[position : block.start].strip() == ""
        position = block.end
    return [
        (block.kind, block.locator["label"], parsed.text[block.start : block.end]) for block in parsed.blocks
    ]


def locator_of(parsed: Parsed, words: str) -> dict[str, Any]:
    """The locator of the one block that holds these words."""
    (found,) = [block for block in parsed.blocks if words in parsed.text[block.start : block.end]]
    return found.locator
