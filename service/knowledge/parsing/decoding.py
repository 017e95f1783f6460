"""Bytes to text, in whatever encoding they came, keeping every code point (a byte order mark too)."""

import codecs
from collections.abc import Iterator

import charset_normalizer

from service.knowledge.parsing.encodings import east_asian, utf_16, western
from service.knowledge.parsing.parsed import UnreadableFile

BYTE_ORDER_MARKS = (
    # UTF-32 first: its little-endian mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What turns ASCII into something else and back: all bytes of these are ASCII's.
SHIFTS = ((b"\x1b$)C", "iso2022_kr"), (b"\x1b$B", "iso2022_jp_2"), (b"\x1b$@", "iso2022_jp_2"))
SAMPLE_BYTES = 64 * 1024


def decode(data: bytes, *, declared: str | None = None) -> str:
    """The text of ``data``; ``declared`` is the encoding the file itself names, tried after UTF-8.

    Raises ``UnreadableFile``: ``binary_content`` for what is no text, ``unknown_encoding`` when none fits.
    """
    text = _decode(data, declared)
    if "\0" in text:
        raise UnreadableFile("binary_content", "The file is not text: it contains NUL characters.")
    return text


def _decode(data: bytes, declared: str | None) -> str:
    for encoding in _candidates(data, declared):
        try:
            text = data.decode(encoding)
            # UTF-7 and the like can produce lone surrogates, which no database stores.
            text.encode()
        except (UnicodeError, LookupError, ValueError):
            continue
        return text
    raise UnreadableFile("unknown_encoding", "The encoding of the file could not be recognized.")


def _candidates(data: bytes, declared: str | None) -> Iterator[str]:
    """Encodings to try, likeliest first."""
    yield from (encoding for mark, encoding in BYTE_ORDER_MARKS if data.startswith(mark))
    sample = data[:SAMPLE_BYTES]
    yield from (encoding for mark, encoding in SHIFTS if mark in sample)
    if b"\0" in sample:
        yield from utf_16(sample)
    yield "utf-8"
    if declared:
        yield declared
    if b"\0" in sample:
        raise UnreadableFile("binary_content", "The file is not text: it contains NUL bytes.")
    yield from east_asian(sample)
    yield from western(sample)
    guess = charset_normalizer.from_bytes(sample).best()
    if guess is not None:
        yield guess.encoding
    yield from ("gb18030", "big5hkscs", "cp1252")
