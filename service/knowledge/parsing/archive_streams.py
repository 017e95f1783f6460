"""Streams that stop in time: unpacking is counted, and a header's claim is checked before it is believed."""

import gzip
import io
import lzma
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Protocol

CHUNK = 64 * 1024
HEADER_BYTES = 1024 * 1024
"""More than this is asked for at once only by a lying header."""
XZ_MEMORY_BYTES = 80 * 1024 * 1024
"""What ``xz -9`` needs to unpack."""
UNPACKED_FLOOR = 16 * 1024 * 1024
"""Below this much, no ratio makes a bomb."""


class ArchiveRefused(Exception):
    """The archive as a whole is not opened; ``code`` is stable, the message is for its owner."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Limits:
    """Of an archive: files, bytes of one file, bytes of all, and how many times its own size all may be."""

    entries: int
    file_bytes: int
    total_bytes: int
    ratio: int


@dataclass(slots=True)
class Budget:
    """Bytes that may still be unpacked."""

    left: int

    @classmethod
    def of(cls, limits: Limits, *, packed: int) -> "Budget":
        return cls(min(limits.total_bytes, max(UNPACKED_FLOOR, packed * limits.ratio)))

    def spend(self, count: int) -> None:
        """Raises ``ArchiveRefused`` when more is unpacked than was allowed."""
        self.left -= count
        if self.left < 0:
            raise ArchiveRefused("archive_too_large", "The archive unpacks to more than is allowed.")


class GuardedFile(io.RawIOBase):
    """A file of which at most ``limit`` bytes are read at once (None: any number)."""

    def __init__(self, file: BinaryIO, limit: int | None) -> None:
        self._file = file
        self.limit = limit

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        if self.limit is not None and size > self.limit:
            raise ArchiveRefused("too_many_entries", "The archive's directory is too large.")
        return self._file.read(size)


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Xz:
    """An xz stream, unpacked in bounded memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unpacker = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)

    def read(self, size: int) -> bytes:
        while not self._unpacker.eof:
            packed = self._file.read(CHUNK) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                raise EOFError("the stream ends early")
            if data := self._unpacker.decompress(packed, size):
                return data
        rest = self._unpacker.unused_data.lstrip(b"\0") or self._file.read(1)
        if not rest:
            return b""
        # Another stream follows: xz files may be joined.
        self._file.seek(-len(rest), io.SEEK_CUR)
        self._unpacker = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)
        return self.read(size)


class Unpacked(io.RawIOBase):
    """A tar's bytes, in order, counted against a budget. Seeking goes forward only."""

    def __init__(self, source: _Source, budget: Budget) -> None:
        self._source = source
        self._budget = budget
        self._position = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        assert whence == io.SEEK_SET
        if offset < self._position:
            raise ArchiveRefused("damaged_archive", "The archive refers back to itself.")
        while self._position < offset and self._more(min(CHUNK, offset - self._position)):
            pass
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes; a header that claims more than a mebibyte is not believed."""
        if not 0 <= size <= HEADER_BYTES:
            raise ArchiveRefused("damaged_archive", "A header of the archive claims too much.")
        return self.take(size)

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes, or fewer at the end."""
        parts: list[bytes] = []
        left = size
        while left and (part := self._more(min(CHUNK, left))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _more(self, size: int) -> bytes:
        try:
            data = self._source.read(size)
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise ArchiveRefused("damaged_archive", "The archive is damaged or cut short.") from error
        self._position += len(data)
        self._budget.spend(len(data))
        return data


def unpacked(file: BinaryIO, budget: Budget) -> Unpacked:
    """The unpacked bytes of ``file``: gzip and xz by their first bytes, anything else as it is."""
    head = file.read(6)
    file.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return Unpacked(gzip.GzipFile(fileobj=file, mode="rb"), budget)
    if head == b"\xfd7zXZ\x00":
        return Unpacked(_Xz(file), budget)
    return Unpacked(file, budget)
