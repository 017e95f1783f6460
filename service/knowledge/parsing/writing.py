"""Writing the text of a file that has none of its own: an office file's, a PDF's, a film's subtitles."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.locating import locate
from service.knowledge.parsing.parsed import Note, Parsed, Piece, UnreadableFile

# What no database stores and nobody sees.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ufffe\uffff\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n?|[\x85\u2028\u2029]")
_SPACES = re.compile(r"[ \t\xa0]+")


def one_line(text: str) -> str:
    """The words of ``text`` in one line."""
    return " ".join(_UNSEEN.sub("", text).split())


def shown(text: str) -> str:
    """``text`` as it is read: line ends alike, runs of spaces as one, nothing unseen."""
    lines = _LINE_END.sub("\n", _UNSEEN.sub("", text)).split("\n")
    return "\n".join(_SPACES.sub(" ", line).strip() for line in lines).strip()


class Writer:
    """Puts pieces one behind another and remembers where each begins and ends, within the limits."""

    def __init__(self, limits: ParseLimits) -> None:
        self._limits = limits
        self._text: list[str] = []
        self._length = 0
        self.pieces: list[Piece] = []

    def add(
        self,
        text: str,
        kind: str = "paragraph",
        *,
        level: int = 0,
        place: Mapping[str, Any] | None = None,
        gap: str = "\n\n",
    ) -> None:
        """One piece, behind ``gap``; one without anything to be seen leaves nothing.

        Raises ``UnreadableFile`` with ``text_too_long`` or ``document_too_large``.
        """
        written = one_line(text) if level else shown(text)
        if not written:
            return
        if self.pieces:
            self._text.append(gap)
            self._length += len(gap)
        start = self._length
        self._text.append(written)
        self._length += len(written)
        self.pieces.append(Piece(start, self._length, kind, level, written if level else "", place))
        if self._length > self._limits.characters:
            raise UnreadableFile(
                "text_too_long", f"The text has more than {self._limits.characters} characters."
            )
        if len(self.pieces) > self._limits.blocks:
            raise UnreadableFile(
                "document_too_large", f"The document has more than {self._limits.blocks} paragraphs or rows."
            )

    def continues_table(self) -> bool:
        """Whether what comes now stands right below a row of a table."""
        return bool(self.pieces) and self.pieces[-1].kind == "table"

    def heading(self, text: str, level: int, *, place: Mapping[str, Any] | None = None) -> None:
        self.add(text, "heading", level=level, place=place)

    def parsed(self, *, counted_by: Literal["paragraph"] | None = None, note: Note | None = None) -> Parsed:
        """Everything written, with its locators; the highest headings become those of the first level."""
        text = "".join(self._text)
        above = min((piece.level for piece in self.pieces if piece.level), default=1) - 1
        pieces = [
            replace(piece, level=piece.level - above) if piece.level else piece for piece in self.pieces
        ]
        return Parsed(text, locate(text, pieces, counted_by=counted_by), note)
