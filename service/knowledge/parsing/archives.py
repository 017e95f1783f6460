"""Archives: zip, tar, tar.gz and tar.xz, read entry by entry and never written to a disk.

An archive is a stranger's. It is surveyed first, within its limits and in bounded memory, and refused whole
when it is a bomb; then it is read, and an entry that cannot be had is named while the rest goes on.
"""

import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from service.knowledge.parsing.archive_names import Names, is_junk, is_unsafe, readable
from service.knowledge.parsing.archive_streams import (
    ArchiveRefused,
    Budget,
    GuardedFile,
    Limits,
    Unpacked,
    unpacked,
)
from service.knowledge.parsing.sniffing import extension

CHUNK = 256 * 1024
NESTED = {".zip", ".tar", ".gz", ".tgz", ".xz", ".txz", ".bz2", ".7z", ".rar", ".zst"}
DIRECTORY_BYTES_PER_ENTRY = 512
"""What a zip's directory may take for each entry allowed: a limit on it before it is read."""
DIRECTORY_FLOOR = 128 * 1024
HEADERS_PER_ENTRY = 4
"""How many headers (folders, say) a tar may have for each file allowed."""
UNPACKABLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
"""The ways of packing that Python unpacks piece by piece; the others would unpack a bomb at once."""
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive: its ``data``, or the ``code`` and ``detail`` of why there is none.

    ``position`` counts the archive's files from 0 and is the same at every reading.
    """

    position: int
    name: str
    data: bytes = b""
    code: str | None = None
    detail: str | None = None


def survey(file: BinaryIO, limits: Limits) -> int:
    """How many files the archive holds. Raises ``ArchiveRefused`` for what must not be unpacked.

    Its codes: ``not_an_archive``, ``damaged_archive``, ``too_many_entries``, ``archive_too_large``.
    """
    return len(survey_names(file, limits))


def survey_names(file: BinaryIO, limits: Limits) -> list[str]:
    """As ``survey``: the names of the files, in the archive's order."""
    return [entry.name for entry in _read(file, limits, wanted=None)]


def entries(file: BinaryIO, limits: Limits, *, start: int = 0) -> Iterator[Entry]:
    """The files from position ``start`` on, in the archive's order. Raises ``ArchiveRefused``."""
    return (entry for entry in _read(file, limits, wanted=start) if entry.position >= start)


def _read(file: BinaryIO, limits: Limits, *, wanted: int | None) -> Iterator[Entry]:
    """Every file; with data from position ``wanted`` on, or none at all when it is None."""
    file.seek(0, io.SEEK_END)
    budget = Budget.of(limits, packed=file.tell())
    file.seek(0)
    is_zip = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    file.seek(0)
    found = _zip(file, limits, budget, wanted) if is_zip else _tar(file, limits, budget, wanted)
    for position, entry in enumerate(found):
        if position >= limits.entries:
            raise ArchiveRefused("too_many_entries", f"The archive holds more than {limits.entries} files.")
        yield entry


def _zip(file: BinaryIO, limits: Limits, budget: Budget, wanted: int | None) -> Iterator[Entry]:
    guarded = GuardedFile(file, max(DIRECTORY_FLOOR, limits.entries * DIRECTORY_BYTES_PER_ENTRY))
    try:
        archive = zipfile.ZipFile(guarded)
    except UNREADABLE as error:
        raise ArchiveRefused("damaged_archive", "The archive's directory cannot be read.") from error
    guarded.limit = None
    infos = [info for info in archive.infolist() if not info.filename.endswith(("/", "\\"))]
    names = Names.of_zip(infos)
    # A zip names its sizes ahead, and zipfile reads no more of an entry than its named size.
    for info in infos:
        budget.spend(info.file_size)
    position = 0
    seen: set[str] = set()
    for info in infos:
        name = names.of(info)
        if is_junk(name):
            continue
        problem = _problem(name, info.file_size, limits, seen)
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
            problem = ("not_a_file", "Links and devices are not followed.")
        if problem is None and info.flag_bits & 0x1:
            problem = ("encrypted_entry", "The file is encrypted.")
        if problem is None and info.compress_type not in UNPACKABLE:
            problem = ("unsupported_compression", "The file is packed in a way that is not read.")
        if problem is not None or wanted is None or position < wanted:
            yield _entry(position, name, b"", problem)
        else:
            try:
                data = _unzipped(archive, info)
            except UNREADABLE:
                yield _entry(position, name, b"", ("damaged_entry", "The file is damaged."))
            else:
                yield Entry(position, name, data)
        position += 1


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Read piece by piece: ``read()`` would first unpack all there is, whatever size was named."""
    parts: list[bytes] = []
    with archive.open(info) as opened:
        while part := opened.read(CHUNK):
            parts.append(part)
    return b"".join(parts)


def _tar(file: BinaryIO, limits: Limits, budget: Budget, wanted: int | None) -> Iterator[Entry]:
    stream = unpacked(file, budget)
    try:
        archive = tarfile.TarFile(fileobj=stream, mode="r", errors="surrogateescape")
        yield from _members(archive, stream, limits, wanted)
    except tarfile.TarError as error:
        code = "not_an_archive" if stream.tell() <= tarfile.RECORDSIZE else "damaged_archive"
        raise ArchiveRefused(code, "This is no archive, or a damaged one.") from error


def _members(
    archive: tarfile.TarFile, stream: Unpacked, limits: Limits, wanted: int | None
) -> Iterator[Entry]:
    position = 0
    seen: set[str] = set()
    for header, member in enumerate(archive):
        if header > limits.entries * HEADERS_PER_ENTRY:
            raise ArchiveRefused("too_many_entries", "The archive holds too many folders and files.")
        # What was read is not needed again, and a list of it would grow with the archive.
        archive.members = []  # type: ignore[attr-defined]  # a public attribute typeshed leaves out
        name = readable(member.name)
        if member.isdir() or is_junk(name):
            continue
        problem = _problem(name, member.size, limits, seen)
        if not member.isreg() or member.issparse():
            problem = ("not_a_file", "Links and devices are not followed.")
        if problem is not None or wanted is None or position < wanted:
            yield _entry(position, name, b"", problem)
        else:
            data = stream.take(member.size)
            if len(data) < member.size:
                raise ArchiveRefused("damaged_archive", "The archive is cut short.")
            yield Entry(position, name, data)
        position += 1


def _problem(name: str, size: int, limits: Limits, seen: set[str]) -> tuple[str, str] | None:
    """Why a file is not taken, if it is not: (code, detail)."""
    if is_unsafe(name):
        return "unsafe_path", "The path leads out of the archive."
    if name in seen:
        return "duplicate_entry", "The archive holds another file of this name."
    seen.add(name)
    if extension(name) in NESTED:
        return "nested_archive", "An archive within an archive is not opened."
    if size > limits.file_bytes:
        return "file_too_large", f"The file has more than {limits.file_bytes} bytes."
    return None


def _entry(position: int, name: str, data: bytes, problem: tuple[str, str] | None) -> Entry:
    code, detail = problem if problem is not None else (None, None)
    return Entry(position, name, data, code, detail)
