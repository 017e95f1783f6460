"""Subtitles (SRT, WebVTT, ASS, SSA): cues joined to sentences, each located by its time."""

import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pysubs2

from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.writing import Writer, one_line

PAUSE_MILLISECONDS = 3000
"""A silence this long ends a paragraph."""
LONGEST = 200
"""Speech without full stops, as Chinese subtitles have it, is divided by about so many characters."""
MOST_CUES = 50_000
"""A day without a pause."""
_ENDS = re.compile(r"[.。!！?？…]+[\"'”’」』）)\]]*$")
_TAG = re.compile(r"<[^>\n]{0,200}>|\{\\[^}\n]{0,200}\}")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at once; times in milliseconds."""

    start: int
    end: int
    text: str


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """The words of the subtitles. Raises ``UnreadableFile``: ``damaged_document`` for none."""
    text = decode(data).removeprefix("\ufeff")
    if max(text.count("-->"), text.count("Dialogue:")) > MOST_CUES:
        raise UnreadableFile("document_too_large", f"The file has more than {MOST_CUES} subtitles.")
    try:
        with warnings.catch_warnings():
            # Of styles, which nobody reads.
            warnings.simplefilter("ignore")
            read = pysubs2.SSAFile.from_string(text, format_=_format(text))
    except (pysubs2.exceptions.Pysubs2Error, ValueError, KeyError, IndexError) as error:
        raise UnreadableFile("damaged_document", "The file holds no subtitles that can be read.") from error
    cues = (
        Cue(event.start, event.end, _TAG.sub("", event.plaintext))
        for event in sorted(read.events, key=lambda event: event.start)
        if not event.is_comment and not event.is_drawing
    )
    return spoken(cues, limits)


def _format(text: str) -> str:
    head = text[:2000].lstrip()
    if head.startswith("WEBVTT"):
        return "vtt"
    return "ass" if "[script info]" in head.lower() or "[events]" in head.lower() else "srt"


def spoken(cues: Iterable[Cue], limits: ParseLimits) -> Parsed:
    """A text of what is said."""
    writer = Writer(limits)
    tell(writer, cues)
    return writer.parsed()


def tell(writer: Writer, cues: Iterable[Cue]) -> None:
    """Writes what is said: sentences a line, paragraphs where there is a pause."""
    end = -PAUSE_MILLISECONDS
    for start, stop, sentence in _sentences(cues):
        shown = timecode(start)
        gap = "\n" if start - end < PAUSE_MILLISECONDS else "\n\n"
        writer.add(sentence, place={"label": shown, "timecode": shown, "seconds": start // 1000}, gap=gap)
        end = stop


def _sentences(cues: Iterable[Cue]) -> Iterator[tuple[int, int, str]]:
    """Each with the times its first cue appears and its last goes."""
    text, start, end, last = "", 0, 0, ""
    for cue in cues:
        words = one_line(cue.text)
        # Captions that roll show a line again below the next.
        if last and words.startswith(last):
            words = words[len(last) :].lstrip()
        if not words:
            continue
        last = one_line(cue.text)
        if text and (cue.start - end >= PAUSE_MILLISECONDS or len(text) >= LONGEST or _ENDS.search(text)):
            yield start, end, text
            text = ""
        if not text:
            start = cue.start
        # In a script without spaces, this one stands for the breath between two cues.
        text = f"{text} {words}" if text else words
        end = max(end, cue.end)
    if text:
        yield start, end, text


def timecode(milliseconds: int) -> str:
    """``00:01:23``."""
    seconds = max(0, milliseconds) // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
