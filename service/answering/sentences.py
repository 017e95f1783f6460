"""Cuts a model's reply into sentences with their markers, as it arrives.

A marker is a passage's number in brackets after what it supports: ``[1]``, ``[2, 3]``, ``【1】``. How the
text was split into deltas makes no difference to what comes out.
"""

import re
from dataclasses import dataclass

_OPEN, _CLOSE = r"[\[【［]", r"[\]】］]"
_NUMBER = r"\^?(?!0)\d{1,3}"
MARKER = re.compile(
    rf"{_OPEN}\s{{0,2}}{_NUMBER}(?:\s{{0,2}}[,，、;；]\s{{0,2}}{_NUMBER}){{0,9}}\s{{0,2}}{_CLOSE}"
)
_END = re.compile(r"[。！？…]+|[.!?]+|\n")
# What may follow a full stop and still belong to its sentence.
_TAIL = re.compile(rf"(?:[”’」』）)\"']|[ \t]*{MARKER.pattern})*")
_UNFINISHED_TAIL = re.compile(rf"[ \t]*(?:{_OPEN}[\s\d^,，、;；]{{0,128}})?")  # longer than any marker
_NO_END = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|vs|etc|No|Vol|Fig|cf|ca|Inc|Ltd|Co|e\.g|i\.e)$"
)
_LOOK_BACK = 8


@dataclass(frozen=True, slots=True)
class Sentence:
    """``text`` without markers and without the white space around it; ``gap`` is what of white space stood
    before it: nothing, a space, or one or two line ends. ``markers`` keep their order, each once."""

    gap: str
    text: str
    markers: tuple[int, ...]


class SentenceReader:
    """Takes deltas, gives sentences as soon as what follows cannot change them."""

    def __init__(self) -> None:
        self._text = ""
        self._searched = 0
        self._gap = ""

    def feed(self, delta: str) -> list[Sentence]:
        """The sentences that this delta completes."""
        self._text += delta
        return self._cut(final=False)

    def close(self) -> list[Sentence]:
        """What is left at the end of the reply."""
        found = self._cut(final=True)
        rest, self._text = self._text, ""
        return [*found, *self._sentence(rest)]

    def _cut(self, *, final: bool) -> list[Sentence]:
        found: list[Sentence] = []
        while (end := self._next_end(final=final)) is not None:
            piece, self._text, self._searched = self._text[:end], self._text[end:], 0
            found += self._sentence(piece)
        return found

    def _next_end(self, *, final: bool) -> int | None:
        """Where the first sentence ends, or ``None`` when that is not certain yet."""
        text = self._text
        while match := _END.search(text, self._searched):
            end = match.end()
            if match[0] == "\n":
                return end
            if end == len(text) and not final:
                return None
            if match[0][0] in ".!?" and not self._ends_latin(match.start(), end):
                self._searched = end
                continue
            tail = _TAIL.match(text, end)
            assert tail is not None, "it matches nothing at the least"
            if not final and _UNFINISHED_TAIL.fullmatch(text, tail.end()):
                return None
            return tail.end()
        self._searched = len(text)
        return None

    def _ends_latin(self, start: int, end: int) -> bool:
        """Whether ASCII punctuation ends a sentence: not inside ``3.5`` or ``a != b``, not after ``e.g``."""
        text = self._text
        if end < len(text) and not re.match(r"[\s”’」』）)\"'\[【［]", text[end]):
            return False
        if text[start] != ".":
            return True
        numbered = start < _LOOK_BACK and text[:start].strip().isdigit()
        return not numbered and not _NO_END.search(text[max(0, start - _LOOK_BACK) : start])

    def _sentence(self, piece: str) -> list[Sentence]:
        bare = MARKER.sub("", piece)
        text = bare.strip()
        lead = bare[: len(bare) - len(bare.lstrip())]
        if not text:
            self._gap += bare
            return []
        gap = _gap(self._gap + lead)
        self._gap = bare[len(bare.rstrip()) :]
        # A marker before the full stop leaves a space behind.
        text = re.sub(r"[ \t]+(?=[.,;:!?。，；：！？]$)", "", text)
        numbers = [int(n) for marker in MARKER.findall(piece) for n in re.findall(r"\d+", marker)]
        return [Sentence(gap, text, tuple(dict.fromkeys(numbers)))]


def _gap(white: str) -> str:
    breaks = white.count("\n")
    return "\n" * min(breaks, 2) if breaks else " " if white else ""
