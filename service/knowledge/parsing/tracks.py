"""A film's tracks of subtitles: what each line says, however it is written."""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pysubs2 import SSAEvent

from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.parsing.subtitles import MOST_CUES, Cue

CUE_BYTES = 8 * 1024
"""More than is ever shown at once; what a cue has behind it is not read."""
_TAG = re.compile(r"<[^>\n]{0,200}>|\{\\[^}\n]{0,200}\}")
_ASS_FIELDS_BEFORE_TEXT = 8
UNKNOWN_LANGUAGES = frozenset({"", "und", "mis", "zxx"})


@dataclass(slots=True)
class Track:
    """``read`` makes the words of a line from its bytes. A ``forced`` track holds only what is foreign in the
    film, such as signs."""

    read: Callable[[bytes], str]
    language: str = ""
    name: str = ""
    forced: bool = False
    cues: list[Cue] = field(default_factory=list)

    def add(self, start: int, end: int, data: bytes) -> None:
        """A line of the film, in milliseconds; one without words leaves nothing.

        Raises ``UnreadableFile`` with ``document_too_large``.
        """
        words = self.read(data[:CUE_BYTES])
        if not words.strip():
            return
        if len(self.cues) >= MOST_CUES:
            raise UnreadableFile("document_too_large", f"A track has more than {MOST_CUES} subtitles.")
        self.cues.append(Cue(start, end, words))


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def plain(data: bytes) -> str:
    """A line as SRT has it, with tags."""
    return _TAG.sub("", _text(data))


def webvtt(data: bytes) -> str:
    """A line of WebVTT: tags, and characters by name."""
    return html.unescape(plain(data))


def webm_webvtt(data: bytes) -> str:
    """As the first WebM films had it: behind a line with its name and one of how it is shown."""
    return webvtt(data.split(b"\n", 2)[-1])


def ass(data: bytes) -> str:
    """An event of ASS or SSA without its times; drawings say nothing."""
    fields = _text(data).split(",", _ASS_FIELDS_BEFORE_TEXT)
    event = SSAEvent(text=fields[-1])
    return "" if event.is_drawing else str(event.plaintext)


MATROSKA: Mapping[str, Callable[[bytes], str]] = {
    "S_TEXT/UTF8": plain,
    "S_TEXT/ASCII": plain,
    "S_TEXT/WEBVTT": webvtt,
    "D_WEBVTT/SUBTITLES": webm_webvtt,
    "D_WEBVTT/CAPTIONS": webm_webvtt,
    **dict.fromkeys(("S_TEXT/ASS", "S_TEXT/SSA", "S_ASS", "S_SSA"), ass),
}
"""By the names that Matroska gives them; the others are pictures."""
