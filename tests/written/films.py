"""Films with subtitles: some that ffmpeg wrote (in ``films``), and some written here as other programs do.

Those of ffmpeg hold no picture, only the cues of ``subtitles``; in MP4 the last two are at 20 minutes.
"""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

from tests.written.subtitles import CUES

BY_FFMPEG = {path.name: path.read_bytes() for path in sorted((Path(__file__).parent / "films").iterdir())}
Cues = Sequence[tuple[int, int, str]]


def _element(id: int, *parts: bytes, unknown: bool = False) -> bytes:
    body = b"".join(parts)
    size = (1 << 56) - 1 if unknown else len(body)
    return id.to_bytes((id.bit_length() + 7) // 8) + (1 << 56 | size).to_bytes(8) + body


def _number(id: int, value: int) -> bytes:
    return _element(id, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def matroska_track(
    number: int,
    codec: str,
    *,
    language: str = "eng",
    name: str = "",
    forced: bool = False,
    packing: bytes = b"",
) -> bytes:
    """A track of subtitles."""
    told = [_number(0xD7, number), _number(0x83, 17), _element(0x86, codec.encode())]
    told += [_element(0x22B59C, language.encode()), _element(0x536E, name.encode()), _number(0x55AA, forced)]
    return _element(0xAE, *told, packing)


PACKED = _element(0x6D80, _element(0x6240, _element(0x5034, _number(0x4254, 0))))
"""Blocks as mkvmerge packs them."""
STRIPPED = _element(
    0x6D80, _element(0x6240, _element(0x5034, _number(0x4254, 3), _element(0x4255, b"Feed ")))
)
ENCRYPTED = _element(0x6D80, _element(0x6240, _number(0x5033, 1)))


def matroska(
    tracks: Sequence[bytes], lines: Sequence[tuple[int, int, int, bytes]], *, live: bool = False
) -> bytes:
    """A film: ``lines`` are track, beginning, end (milliseconds) and the bytes of each. A ``live`` one
    does not know how long it is. A picture lies between any two lines."""
    picture = _element(0xA3, b"\x90\0\0\0" + bytes(50))
    clusters = b""
    for track, start, end, data in lines:
        block = _element(0xA1, bytes([0x80 | track]), struct.pack(">hB", start % 1000, 0), data)
        group = _element(0xA0, block, _number(0x9B, end - start))
        clusters += _element(0x1F43B675, _number(0xE7, start - start % 1000), picture, group, unknown=live)
    head = _element(0x1A45DFA3, _element(0x4282, b"matroska"))
    info = _element(0x1549A966, _number(0x2AD7B1, 1_000_000))
    return head + _element(0x18538067, info, _element(0x1654AE6B, *tracks), clusters, unknown=live)


def packed(text: str) -> bytes:
    return zlib.compress(text.encode())


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def _numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def mp4(
    format: bytes, *, language: str = "eng", wait: int = 0, chapters: bool = False, cues: Cues = CUES
) -> bytes:
    """A film of ``tx3g`` or ``wvtt``. Its track begins ``wait`` milliseconds late; as ``chapters`` it is
    named by another track as their titles."""
    samples: list[tuple[int, bytes]] = []
    reached = 0
    for start, end, text in cues:
        if start > reached:
            samples.append((start - reached, _sample(format, "")))
        samples.append((end - start, _sample(format, text)))
        reached = end
    held = _box(b"mdat", *[data for _, data in samples])
    code = 0
    for letter in language:
        code = code << 5 | ord(letter) - 0x60
    stbl = _box(
        b"stbl",
        _box(b"stsd", _numbers(0, 1), _box(format, bytes(8))),
        _box(b"stts", _numbers(0, len(samples)), *[_numbers(1, lasting) for lasting, _ in samples]),
        _box(b"stsc", _numbers(0, 1, 1, len(samples), 1)),
        _box(b"stsz", _numbers(0, 0, len(samples)), *[_numbers(len(data)) for _, data in samples]),
        _box(b"co64", _numbers(0, 1), struct.pack(">Q", 24)),
    )
    mdhd = _box(b"mdhd", _numbers(0, 0, 0, 1000, reached), struct.pack(">HH", code, 0))
    waiting = struct.pack(">IiI", wait, -1, 1) if wait else b""
    edits = _box(b"elst", _numbers(0, 1 + bool(wait)), waiting, struct.pack(">IiI", reached, 0, 1))
    track = _box(
        b"trak",
        _box(b"tkhd", _numbers(3, 0, 0, 2, 0, reached)),
        _box(b"edts", edits),
        _box(b"mdia", mdhd, _box(b"minf", stbl)),
    )
    other = _box(b"trak", _box(b"tref", _box(b"chap", _numbers(2)))) if chapters else b""
    moov = _box(b"moov", _box(b"mvhd", _numbers(0, 0, 0, 1000, reached)), other, track)
    return _box(b"ftyp", b"isom", _numbers(0)) + held + moov


def _sample(format: bytes, text: str) -> bytes:
    data = text.encode()
    if format == b"tx3g":
        return struct.pack(">H", len(data)) + data + (_box(b"styl", bytes(14)) if text else b"")
    return _box(b"vttc", _box(b"sttg", b"line:0"), _box(b"payl", data)) if text else _box(b"vtte")
