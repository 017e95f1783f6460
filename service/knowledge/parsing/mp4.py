"""MP4 and QuickTime: the tracks of subtitles that are text, sample by sample; nothing else is looked into."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from struct import error, unpack_from

from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.parsing.subtitles import MOST_CUES
from service.knowledge.parsing.tracks import CUE_BYTES, Track, plain, webvtt

MOST_BOXES = 1_000_000
MOST_TRACKS = 1000
MOST_SAMPLES = 4 * MOST_CUES
"""Between two lines there is an empty one."""
UTF_16 = (b"\xfe\xff", b"\xff\xfe")
Span = tuple[int, int]


@dataclass(slots=True)
class _Timed:
    """A track, its clock (ticks a second; milliseconds that it is late), and for fragments what a sample
    lasts and weighs unless it says so. ``reached`` is where the next one begins, in ticks."""

    track: Track
    timescale: int
    late: int = 0
    duration: int = 0
    size: int = 0
    reached: int = 0

    samples: int = 0

    def add(self, data: bytes, place: int, size: int, lasting: int) -> None:
        """The sample at ``place``, behind those before it."""
        self.samples += 1
        if self.samples > MOST_SAMPLES:
            raise UnreadableFile("document_too_large", f"A track has more than {MOST_SAMPLES} samples.")
        ticks, self.reached = self.reached, self.reached + lasting
        begin, end = (self.late + moment * 1000 // self.timescale for moment in (ticks, self.reached))
        self.track.add(max(0, begin), max(0, end), data[place : place + min(size, CUE_BYTES)])


@dataclass(slots=True)
class _Film:
    timescale: int = 1000
    tracks: dict[int, _Timed] = field(default_factory=dict)
    chapters: set[int] = field(default_factory=set)


def timed_text(data: bytes) -> str:
    """A sample of ``tx3g`` or ``text``: its length, its words, then how they look."""
    words = data[2 : 2 + int.from_bytes(data[:2])]
    return words.decode("utf-16", "replace") if words.startswith(UTF_16) else plain(words)


def webvtt_boxes(data: bytes) -> str:
    """A sample of ``wvtt``: the lines that are shown at once."""
    cues = [(start, end) for kind, start, end in _boxes(data, 0, len(data)) if kind == b"vttc"]
    parts = [part for start, end in cues for part in _boxes(data, start, end)]
    return "\n".join(webvtt(data[start:end]) for kind, start, end in parts if kind == b"payl")


FORMATS: Mapping[bytes, Callable[[bytes], str]] = {
    b"tx3g": timed_text,
    b"text": timed_text,
    b"wvtt": webvtt_boxes,
}


def tracks_of(data: bytes) -> list[Track]:
    """Every track of subtitles that is text, with its lines as far as the file goes; titles of chapters,
    which are kept the same way, are none.

    Raises ``UnreadableFile``: ``document_too_large``, or ``damaged_document`` where nothing is told of what
    the file holds.
    """
    film: _Film | None = None
    try:
        for kind, start, end in _boxes(data, 0, len(data)):
            if kind == b"moov":
                film = _film(data, start, end)
            elif kind == b"moof" and film is not None:
                _fragment(data, start, end, film)
    except (error, IndexError) as cut:
        if film is None:
            raise UnreadableFile("damaged_document", "The film is damaged and cannot be read.") from cut
    if film is None:
        raise UnreadableFile("damaged_document", "The film is cut off and cannot be read.")
    return [timed.track for id, timed in film.tracks.items() if id not in film.chapters]


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, beginning and end of what each box holds, up to one that does not fit."""
    for _ in range(MOST_BOXES):
        if at + 8 > end:
            return
        (size,), head = unpack_from(">I", data, at), 8
        if size == 1 and at + 16 <= end:
            (size,), head = unpack_from(">Q", data, at + 8), 16
        elif size == 0:
            size = end - at
        if size < head or at + size > end:
            return
        yield data[at + 4 : at + 8], at + head, at + size
        at += size
    raise UnreadableFile("document_too_large", f"The film has more than {MOST_BOXES} parts.")


def _inside(data: bytes, span: Span | None, *path: bytes) -> Span | None:
    """Where the first box of this path lies."""
    for wanted in path:
        if span is None:
            return None
        span = next(((start, end) for kind, start, end in _boxes(data, *span) if kind == wanted), None)
    return span


def _wide(data: bytes, start: int, *, narrow: int, wide: int) -> int:
    """Where the fields behind the dates of a header begin: those are wider in version 1."""
    return start + (wide if data[start] == 1 else narrow)


def _film(data: bytes, start: int, end: int) -> _Film:
    film = _Film()
    header = _inside(data, (start, end), b"mvhd")
    if header:
        (film.timescale,) = unpack_from(">I", data, _wide(data, header[0], narrow=12, wide=20))
    for kind, begin, stop in _boxes(data, start, end):
        if kind == b"trak":
            _track(data, (begin, stop), film)
    for kind, begin, stop in _boxes(data, *(_inside(data, (start, end), b"mvex") or (0, 0))):
        if kind == b"trex" and stop - begin >= 20:
            id, _, duration, size = unpack_from(">4I", data, begin + 4)
            if id in film.tracks:
                film.tracks[id].duration, film.tracks[id].size = duration, size
    return film


def _track(data: bytes, span: Span, film: _Film) -> None:
    for kind, start, end in _boxes(data, *(_inside(data, span, b"tref") or (0, 0))):
        if kind == b"chap":
            film.chapters.update(unpack_from(f">{min(end - start, 4 * MOST_TRACKS) // 4}I", data, start))
    header, clock = _inside(data, span, b"tkhd"), _inside(data, span, b"mdia", b"mdhd")
    table = _inside(data, span, b"mdia", b"minf", b"stbl")
    described = _inside(data, table, b"stsd")
    if not (header and clock and table and described):
        return
    read = FORMATS.get(data[described[0] + 12 : described[0] + 16])
    ticks, packed = unpack_from(">I4xH", data, _wide(data, clock[0], narrow=12, wide=20))
    if read is None or not ticks:
        return
    (id,) = unpack_from(">I", data, _wide(data, header[0], narrow=12, wide=20))
    # Three letters of five bits each.
    language = "".join(chr(0x60 + (packed >> shift & 0x1F)) for shift in (10, 5, 0))
    late = _late(data, _inside(data, span, b"edts", b"elst"), film.timescale, ticks)
    timed = film.tracks[id] = _Timed(Track(read, language=language), ticks, late)
    for (place, size), lasting in zip(_samples(data, table), _durations(data, table), strict=False):
        timed.add(data, place, size, lasting)


def _late(data: bytes, span: Span | None, movie_ticks: int, ticks: int) -> int:
    """Milliseconds from the film's beginning to the track's, as its list of edits says."""
    if span is None or not movie_ticks:
        return 0
    long = data[span[0]] == 1
    layout, width = (">Qq4x", 20) if long else (">Ii4x", 12)
    (count,) = unpack_from(">I", data, span[0] + 4)
    waited = 0
    for number in range(min(count, (span[1] - span[0] - 8) // width)):
        duration, begin = unpack_from(layout, data, span[0] + 8 + number * width)
        if begin >= 0:
            return int(waited * 1000 // movie_ticks - begin * 1000 // ticks)
        waited += duration
    return 0


def _table(data: bytes, stbl: Span, name: bytes, width: int, columns: int = 1) -> Iterator[tuple[int, ...]]:
    """The rows of a table of numbers, each ``width`` bytes, as many as there are."""
    span = _inside(data, stbl, name)
    if span is None:
        return
    (count,) = unpack_from(">I", data, span[0] + 4)
    row = ">" + {4: "I", 8: "Q"}[width] * columns
    for number in range(min(count, (span[1] - span[0] - 8) // (width * columns))):
        yield unpack_from(row, data, span[0] + 8 + number * width * columns)


def _samples(data: bytes, stbl: Span) -> Iterator[tuple[int, int]]:
    """Where each sample lies, and its size."""
    sizes = _sizes(data, stbl)
    runs = [(first, most) for first, most, _ in _table(data, stbl, b"stsc", 4, 3)]
    chunks = chain(_table(data, stbl, b"stco", 4), _table(data, stbl, b"co64", 8))
    run = 0
    for number, (place,) in enumerate(chunks, 1):
        while run + 1 < len(runs) and runs[run + 1][0] <= number:
            run += 1
        for _ in range(runs[run][1] if runs else 0):
            size = next(sizes, None)
            if size is None:
                return
            yield place, size
            place += size


def _sizes(data: bytes, stbl: Span) -> Iterator[int]:
    span = _inside(data, stbl, b"stsz")
    if span is None:
        return
    every, count = unpack_from(">II", data, span[0] + 4)
    if every:
        yield from repeat(every, count)
    else:
        yield from unpack_from(f">{min(count, (span[1] - span[0] - 12) // 4)}I", data, span[0] + 12)


def _durations(data: bytes, stbl: Span) -> Iterator[int]:
    for count, lasting in _table(data, stbl, b"stts", 4, 2):
        yield from repeat(lasting, count)


def _fragment(data: bytes, start: int, end: int, film: _Film) -> None:
    """Takes the samples of a fragment, which lie behind what tells of them."""
    for kind, begin, stop in _boxes(data, start, end):
        header = _inside(data, (begin, stop), b"tfhd") if kind == b"traf" else None
        if header is None:
            continue
        flags, id = unpack_from(">II", data, header[0])
        timed = film.tracks.get(id)
        if timed is None:
            continue
        at, base = header[0] + 8, start - 8
        if flags & 0x1:
            (base,), at = unpack_from(">Q", data, at), at + 8
        at += 4 if flags & 0x2 else 0
        duration, size = timed.duration, timed.size
        if flags & 0x8:
            (duration,), at = unpack_from(">I", data, at), at + 4
        if flags & 0x10:
            (size,) = unpack_from(">I", data, at)
        clock = _inside(data, (begin, stop), b"tfdt")
        if clock:
            (timed.reached,) = unpack_from(">Q" if data[clock[0]] == 1 else ">I", data, clock[0] + 4)
        place = base
        for inner, first, last in _boxes(data, begin, stop):
            if inner == b"trun":
                place = _run(data, (first, last), timed, base, place, (duration, size))


def _run(data: bytes, span: Span, timed: _Timed, base: int, place: int, usual: tuple[int, int]) -> int:
    """Takes the samples of one run; returns where the next begins unless it says so."""
    flags, count = unpack_from(">II", data, span[0])
    flags &= 0xFFFFFF
    at = span[0] + 8
    if flags & 0x1:
        (offset,), at = unpack_from(">i", data, at), at + 4
        place = base + offset
    at += 4 if flags & 0x4 else 0
    columns = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    for _ in range(count):
        told = dict(zip(columns, unpack_from(f">{len(columns)}I", data, at), strict=True))
        at += 4 * len(columns)
        size = told.get(0x200, usual[1])
        timed.add(data, max(0, place), size, told.get(0x100, usual[0]))
        place += size
    return place
