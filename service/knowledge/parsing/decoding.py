"""Bytes to text, in whatever encoding they came, keeping every code point (a byte order mark too)."""

import codecs
import re
from collections.abc import Iterator

import charset_normalizer

from service.knowledge.parsing.parsed import UnreadableFile

BYTE_ORDER_MARKS = (
    # UTF-32 first: its little-endian mark begins with UTF-16's.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SAMPLE_BYTES = 64 * 1024
COMMON_SHARE = 0.85


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
    yield "utf-8"
    if declared:
        yield declared
    sample = data[:SAMPLE_BYTES]
    if b"\0" in sample:
        raise UnreadableFile("binary_content", "The file is not text: it contains NUL bytes.")
    yield from chinese_encodings(sample)
    guess = charset_normalizer.from_bytes(sample).best()
    if guess is not None:
        yield guess.encoding
    yield from ("gb18030", "big5hkscs", "cp1252")


_PAIR = re.compile(rb"[\x81-\xfe][\x40-\xfe]")


def chinese_encodings(sample: bytes) -> list[str]:
    """GB 18030 or Big5 when the sample's byte pairs lie where that encoding keeps its common characters.

    A general detector needs far more text than a short note has; frequency settles these two in a line.
    """
    pairs = _PAIR.findall(sample)
    if not pairs:
        return []
    simplified = sum(1 for high, low in pairs if 0xA1 <= high <= 0xD7 and low >= 0xA1) / len(pairs)
    traditional = sum(
        1 for high, low in pairs if 0xA1 <= high <= 0xC6 and (low <= 0x7E or low >= 0xA1)
    ) / len(pairs)
    ranked = sorted([(simplified, "gb18030"), (traditional, "big5hkscs")], reverse=True)
    return [encoding for share, encoding in ranked if share >= COMMON_SHARE]
