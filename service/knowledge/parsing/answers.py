"""What goes to and from the process that reads a file; nothing in it is trusted further than its shape."""

from typing import Any

import msgspec

from search.passages.cutting import Block
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Note, Parsed, UnreadableFile


class Request(msgspec.Struct, frozen=True):
    """``module`` is the full name of one of ours with ``parse(data, limits)``; ``size`` is in bytes."""

    module: str
    size: int
    limits: ParseLimits


class Answer(msgspec.Struct, frozen=True):
    """A text with its blocks (``[start, end, kind, index of its locator]``), or a code and a sentence."""

    text: str = ""
    locators: list[dict[str, Any]] = []
    blocks: list[tuple[int, int, str, int]] = []
    note: Note | None = None
    code: str | None = None
    detail: str = ""
    error: str = ""


def answered(parsed: Parsed) -> Answer:
    """``parsed`` as it travels."""
    locators: list[dict[str, Any]] = []
    blocks: list[tuple[int, int, str, int]] = []
    for block in parsed.blocks:
        if not locators or locators[-1] is not block.locator:
            locators.append(block.locator)
        blocks.append((block.start, block.end, block.kind, len(locators) - 1))
    return Answer(text=parsed.text, locators=locators, blocks=blocks, note=parsed.note)


def parsed_of(answer: Answer) -> Parsed:
    """What travelled. Raises ``UnreadableFile`` for a refusal, and ``ValueError`` for blocks out of order."""
    if answer.code is not None:
        raise UnreadableFile(answer.code, answer.detail)
    position = 0
    blocks: list[Block] = []
    for start, end, kind, locator in answer.blocks:
        if not position <= start < end <= len(answer.text) or not 0 <= locator < len(answer.locators):
            raise ValueError("blocks out of order")
        blocks.append(Block(start, end, kind, answer.locators[locator]))
        position = end
    return Parsed(answer.text, blocks, answer.note)
