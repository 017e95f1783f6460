"""Which format a file is of: by what it begins with and holds, then by its name."""

import io
import zipfile
from pathlib import PurePosixPath
from typing import Literal

from service.knowledge.parsing.archive_streams import ArchiveRefused, GuardedFile
from service.knowledge.parsing.parsed import UnreadableFile

Kind = Literal[
    "markdown", "plain", "html", "delimited", "subtitles", "pdf", "docx", "pptx", "xlsx", "epub", "image",
    "matroska", "mp4",
]  # fmt: skip

EXTENSIONS: dict[str, Kind] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "plain",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".csv": "delimited",
    ".tsv": "delimited",
    ".srt": "subtitles",
    ".vtt": "subtitles",
    ".ass": "subtitles",
    ".ssa": "subtitles",
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".epub": "epub",
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif"), "image"),
    **dict.fromkeys((".mkv", ".webm", ".mka"), "matroska"),
    **dict.fromkeys((".mp4", ".m4v", ".mov"), "mp4"),
}
IN_PROCESS: frozenset[Kind] = frozenset({"markdown", "plain", "html"})
"""Text that is read where it is asked for; all else is read apart."""
WORDS_ALONE: frozenset[Kind] = IN_PROCESS | {"delimited", "subtitles"}
"""What has no signature of its own: the name decides, unless the content is plainly something else."""
OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
HEAD = 1024
DIRECTORY_BYTES = 16 * 1024 * 1024
SIGNATURES: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"II*\0", "image"),
    (b"MM\0*", "image"),
    (b"\x1a\x45\xdf\xa3", "matroska"),
)
PACKED = (b"\x1f\x8b", b"\xfd7zXZ\0")
TAR, TAR_AT = b"ustar", 257
OFFICE: tuple[tuple[str, Kind], ...] = (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx"))


def extension(name: str) -> str:
    """The extension of a file's name or path in lower case, with its dot; empty if there is none."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def kind_of(name: str, data: bytes) -> Kind:
    """The format of a file.

    Raises ``UnreadableFile``: ``unsupported_format``, ``encrypted_document`` for a locked office file, and
    ``damaged_document`` for a file that is not what its name says.
    """
    found = _by_content(data)
    if found is not None:
        return found
    ending = extension(name)
    named = EXTENSIONS.get(ending)
    if named in WORDS_ALONE:
        return named
    written = _by_first_words(data)
    if written is not None:
        # A page saved under an office name, as some programs export it.
        return written
    if named is not None:
        raise UnreadableFile("damaged_document", f"The file is named {ending} but holds something else.")
    offered = ", ".join(sorted(EXTENSIONS))
    raise UnreadableFile(
        "unsupported_format", f"Files {ending or 'without an extension'} cannot be read; use {offered}."
    )


def is_archive(data: bytes) -> bool:
    """Whether a file holds others, and is no office file or book."""
    if data.startswith(b"PK\x03\x04"):
        try:
            _zipped(data)
        except UnreadableFile as refusal:
            return refusal.code == "unsupported_format"
        return False
    return data.startswith(PACKED) or data[TAR_AT : TAR_AT + len(TAR)] == TAR


def _by_content(data: bytes) -> Kind | None:
    head = data[:HEAD]
    if b"%PDF-" in head:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _zipped(data)
    if head.startswith(OLD_OFFICE):
        if ENCRYPTED_STREAM in data:
            raise UnreadableFile("encrypted_document", "The file is locked; save it without a password.")
        raise UnreadableFile(
            "unsupported_format",
            "Old Office files are not read; save it as .docx, .xlsx or .pptx.",
        )
    if head[4:8] == b"ftyp":
        return "mp4"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image"
    return next((kind for signature, kind in SIGNATURES if head.startswith(signature)), None)


def _zipped(data: bytes) -> Kind | None:
    """What a zip holds, by the names in its directory; a damaged one is what its name says."""
    try:
        names = zipfile.ZipFile(GuardedFile(io.BytesIO(data), DIRECTORY_BYTES)).namelist()
    except (zipfile.BadZipFile, ArchiveRefused, ValueError, OSError, NotImplementedError):
        raise UnreadableFile("damaged_document", "The file is damaged and cannot be read.") from None
    if "META-INF/container.xml" in names:
        return "epub"
    for folder, kind in OFFICE:
        if "[Content_Types].xml" in names and any(name.startswith(folder) for name in names):
            return kind
    raise UnreadableFile(
        "unsupported_format", "The file is an archive, not a document; import it as an archive."
    )


def _by_first_words(data: bytes) -> Kind | None:
    words = data[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if words.startswith((b"<!doctype html", b"<html")):
        return "html"
    return "subtitles" if words.startswith((b"webvtt", b"[script info]")) else None
