"""What every parser gives back, and how it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search.passages.cutting import Block


class UnreadableFile(Exception):
    """The file cannot become a document; ``code`` is stable, the message is for its owner."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text before it is located: ``[start, end)`` in code points.

    ``kind`` is ``heading``, ``paragraph``, ``list_item``, ``code``, ``table`` or ``quote``; a heading has its
    ``level`` (1 is the highest) and its ``title`` without markup. ``place`` is where a person finds it in the
    file: a ``label`` to be read (``page 3``) and the same as members (``page: 3``); neighbours share it.
    """

    start: int
    end: int
    kind: str
    level: int = 0
    title: str = ""
    place: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What could not be read of a file that is a document all the same; ``code`` is stable."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A readable text and its blocks, in order and without overlap; offsets count code points of ``text``."""

    text: str
    blocks: list[Block]
    note: Note | None = None
