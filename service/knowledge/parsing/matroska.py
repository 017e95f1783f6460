"""Matroska and WebM: the tracks of subtitles that are text, block by block; nothing else is looked into."""

import bz2
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.parsing.tracks import CUE_BYTES, MATROSKA, Track

MOST_ELEMENTS = 1_000_000
"""Three hours of film have half a million."""
SEGMENT, CLUSTER = 0x18538067, 0x1F43B675
INFO, TRACKS, TIMESTAMP, SIMPLE_BLOCK, BLOCK_GROUP = 0x1549A966, 0x1654AE6B, 0xE7, 0xA3, 0xA0
TIMESTAMP_SCALE, BLOCK, BLOCK_DURATION = 0x2AD7B1, 0xA1, 0x9B
TRACK, NUMBER, CODEC, NAME, LANGUAGE, LANGUAGE_TAG, FORCED = (
    0xAE,
    0xD7,
    0x86,
    0x536E,
    0x22B59C,
    0x22B59D,
    0x55AA,
)
ENCODINGS, ENCODING, ORDER, SCOPE, IS_ENCRYPTED = 0x6D80, 0x6240, 0x5031, 0x5032, 0x5033
COMPRESSION, ALGORITHM, STRIPPED = 0x5034, 0x4254, 0x4255
ZLIB, BZIP2, HEADER = 0, 1, 3
LACED = 0x06
LONGEST_ID = 4
NANOSECONDS = 1_000_000


@dataclass(slots=True)
class _Packed:
    """A track, and how its blocks are packed: outermost first."""

    track: Track
    ways: list[tuple[int, bytes]] = field(default_factory=list)


def tracks_of(data: bytes) -> list[Track]:
    """Every track of subtitles that is text, with its lines as far as the file goes.

    Raises ``UnreadableFile``: ``document_too_large``, or ``damaged_document`` where no tracks are told of.
    """
    scale, cluster = NANOSECONDS, 0
    known: dict[int, _Packed] | None = None
    try:
        for id, start, end in _elements(data, 0, len(data), into=(SEGMENT, CLUSTER)):
            if id == TIMESTAMP:
                cluster = _integer(data, start, end)
            elif id == INFO:
                scale = _numbers(data, start, end).get(TIMESTAMP_SCALE, scale)
            elif id == TRACKS:
                known = _tracks(data, start, end)
            elif id == SIMPLE_BLOCK and known:
                _take(data, start, end, 0, known, cluster, scale)
            elif id == BLOCK_GROUP and known:
                block, duration = None, 0
                for inner, begin, stop in _elements(data, start, end):
                    if inner == BLOCK:
                        block = begin, stop
                    elif inner == BLOCK_DURATION:
                        duration = _integer(data, begin, stop)
                if block:
                    _take(data, *block, duration, known, cluster, scale)
    except EOFError:
        pass  # What was read till here stands.
    if known is None:
        raise UnreadableFile("damaged_document", "The film is damaged and cannot be read.")
    return [packed.track for packed in known.values()]


def _elements(
    data: bytes, at: int, end: int, *, into: tuple[int, ...] = ()
) -> Iterator[tuple[int, int, int]]:
    """Id, beginning and end of each element. Those of ``into`` are not given, but what they hold: so it does
    not matter whether they say how long they are, and programs that film live do not know.

    Raises ``EOFError`` where the file ends, or makes no sense from there on.
    """
    for _ in range(MOST_ELEMENTS):
        if at >= end:
            return
        length = 9 - data[at].bit_length()
        if length > LONGEST_ID:
            raise EOFError
        id = int.from_bytes(data[at : at + length])
        size, at = _size(data, at + length)
        if id in into:
            continue
        if size is None or at + size > end:
            raise EOFError
        yield id, at, at + size
        at += size
    raise UnreadableFile("document_too_large", f"The film has more than {MOST_ELEMENTS} parts.")


def _size(data: bytes, at: int) -> tuple[int | None, int]:
    """A number of one to eight bytes and what is behind it; ``None`` stands for not known."""
    if at >= len(data) or not data[at]:
        raise EOFError
    length = 9 - data[at].bit_length()
    most = (1 << 7 * length) - 1
    value = int.from_bytes(data[at : at + length]) & most
    return (None if value == most else value), at + length


def _integer(data: bytes, start: int, end: int) -> int:
    return int.from_bytes(data[start : min(end, start + 8)])


def _numbers(data: bytes, start: int, end: int) -> dict[int, int]:
    """The children of an element, read as numbers."""
    return {id: _integer(data, begin, stop) for id, begin, stop in _elements(data, start, end)}


def _tracks(data: bytes, start: int, end: int) -> dict[int, _Packed]:
    """The readable ones by their number."""
    found: dict[int, _Packed] = {}
    for id, begin, stop in _elements(data, start, end):
        if id != TRACK:
            continue
        places = {inner: (first, last) for inner, first, last in _elements(data, begin, stop)}
        values = {inner: data[first : min(last, first + 1024)] for inner, (first, last) in places.items()}
        read = MATROSKA.get(values.get(CODEC, b"").rstrip(b"\0").decode(errors="replace"))
        ways = _ways(data, *places[ENCODINGS]) if ENCODINGS in places else []
        if read is None or ways is None or NUMBER not in values:
            continue
        # What says nothing is English, by the format's word.
        language = values.get(LANGUAGE_TAG) or values.get(LANGUAGE, b"eng")
        track = Track(
            read,
            language=language.rstrip(b"\0").decode(errors="replace"),
            name=values.get(NAME, b"").rstrip(b"\0").decode(errors="replace"),
            forced=any(values.get(FORCED, b"")),
        )
        found[int.from_bytes(values[NUMBER])] = _Packed(track, ways)
    return found


def _ways(data: bytes, start: int, end: int) -> list[tuple[int, bytes]] | None:
    """How blocks are packed, in the order of unpacking; ``None`` for what cannot be unpacked here."""
    found: list[tuple[int, int, bytes]] = []
    for id, begin, stop in _elements(data, start, end):
        if id != ENCODING:
            continue
        values = _numbers(data, begin, stop)
        algorithm, stripped = ZLIB, b""
        for inner, first, last in _elements(data, begin, stop):
            if inner == COMPRESSION:
                algorithm = _numbers(data, first, last).get(ALGORITHM, ZLIB)
                parts = {each: (a, b) for each, a, b in _elements(data, first, last)}
                a, b = parts.get(STRIPPED, (0, 0))
                stripped = data[a : min(b, a + CUE_BYTES)]
        if values.get(IS_ENCRYPTED) or algorithm not in (ZLIB, BZIP2, HEADER):
            return None
        if values.get(SCOPE, 1) & 1:
            found.append((values.get(ORDER, 0), algorithm, stripped))
    return [(algorithm, stripped) for _, algorithm, stripped in sorted(found, reverse=True)]


def _take(
    data: bytes, start: int, end: int, duration: int, known: dict[int, _Packed], cluster: int, scale: int
) -> None:
    """Adds a block to its track, if it is of one of subtitles."""
    number, at = _size(data, start)
    packed = known.get(number) if number is not None else None
    if packed is None or at + 3 > end or data[at + 2] & LACED:
        return
    shown = cluster + int.from_bytes(data[at : at + 2], signed=True)
    line = _unpacked(data[at + 3 : min(end, at + 3 + CUE_BYTES)], packed.ways)
    begin, stop = (moment * scale // NANOSECONDS for moment in (shown, shown + duration))
    packed.track.add(max(0, begin), max(0, stop), line)


def _unpacked(line: bytes, ways: list[tuple[int, bytes]]) -> bytes:
    try:
        for algorithm, stripped in ways:
            if algorithm == HEADER:
                line = stripped + line
            elif algorithm == ZLIB:
                line = zlib.decompressobj().decompress(line, CUE_BYTES)
            else:
                line = bz2.BZ2Decompressor().decompress(line, CUE_BYTES)
    except (zlib.error, OSError, ValueError):
        return b""  # This line alone is damaged.
    return line
