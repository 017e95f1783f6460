"""Plain text: kept code point for code point; blank lines, indents and chapter lines divide it."""

import re
from collections.abc import Iterator

from service.knowledge.parsing.locating import DIVISION, locate
from service.knowledge.parsing.parsed import Parsed, Piece

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_INDENTED = re.compile(r"\u3000|[ ]{2,}|\t")


def parse(text: str) -> Parsed:
    """The paragraphs of ``text`` as blocks, located by chapter and article, else by line."""
    pieces: list[Piece] = []
    for start, end in _paragraphs(text):
        written = text[start:end].removeprefix("\ufeff")
        first = end - len(written.lstrip())
        last = end - (len(written) - len(written.rstrip()))
        if last > first:
            pieces.append(Piece(first, last, "paragraph"))
    return Parsed(text, locate(text, pieces, counted_by="line"))


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Runs of lines that belong together, as ``[start, end)``."""
    start = 0
    for line in _LINE.finditer(text):
        written = line[0]
        if not written.strip():
            yield start, line.start()
            start = line.end()
        elif DIVISION.fullmatch(written.rstrip()):
            yield start, line.start()
            yield line.start(), line.end()
            start = line.end()
        elif _INDENTED.match(written):
            yield start, line.start()
            start = line.start()
    yield start, len(text)
