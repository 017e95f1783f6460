"""Zipped documents (office files, books): opened within limits, their parts read as XML without entities."""

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring, iterparse

from service.knowledge.parsing.archive_streams import UNPACKED_FLOOR, ArchiveRefused, GuardedFile
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import UnreadableFile

CHUNK = 256 * 1024
DIRECTORY_BYTES_PER_PART = 512
PACKINGS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
RELATIONSHIPS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
DAMAGED = "The file is damaged and cannot be read."


class Package:
    """The parts of a zipped document, by name. Every method raises ``UnreadableFile`` for what is damaged."""

    def __init__(self, data: bytes, limits: ParseLimits) -> None:
        """Raises ``UnreadableFile``: ``damaged_document``, ``encrypted_document``, ``document_too_large``."""
        guarded = GuardedFile(io.BytesIO(data), limits.parts * DIRECTORY_BYTES_PER_PART)
        try:
            self.zip = zipfile.ZipFile(guarded)
        except (zipfile.BadZipFile, ArchiveRefused, ValueError, OSError, NotImplementedError) as error:
            raise UnreadableFile("damaged_document", DAMAGED) from error
        guarded.limit = None
        infos = self.zip.infolist()
        unpacked = sum(info.file_size for info in infos)
        allowed = min(limits.unpacked_bytes, max(UNPACKED_FLOOR, len(data) * limits.unpacked_ratio))
        if len(infos) > limits.parts or unpacked > allowed:
            raise UnreadableFile("document_too_large", "The file unpacks to more than is allowed.")
        if any(info.flag_bits & 0x1 for info in infos):
            raise UnreadableFile("encrypted_document", "The file is encrypted; save it without a password.")
        if any(info.compress_type not in PACKINGS for info in infos):
            raise UnreadableFile("damaged_document", "The file is packed in a way that is not read.")
        self.names = {info.filename for info in infos}

    def read(self, name: str) -> bytes:
        """The bytes of a part, of at most the size that was named ahead."""
        try:
            with self.zip.open(name) as part:
                return b"".join(iter(lambda: part.read(CHUNK), b""))
        except _UNREADABLE as error:
            raise UnreadableFile("damaged_document", DAMAGED) from error

    def xml(self, name: str) -> Element:
        """A part as a tree."""
        try:
            root: Element = fromstring(self.read(name))
        except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
            raise UnreadableFile("damaged_document", DAMAGED) from error
        return root

    def events(self, name: str) -> Iterator[tuple[str, Element]]:
        """``start`` and ``end`` of the elements of a part as it is read; clear what is done with."""
        try:
            with self.zip.open(name) as part:
                yield from iterparse(part, events=("start", "end"))
        except (*_UNREADABLE, ParseError, DefusedXmlException, LookupError) as error:
            raise UnreadableFile("damaged_document", DAMAGED) from error

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """Of an office part, by id: the last word of a relationship's kind, and the part it leads to."""
        folder, base = posixpath.split(name)
        path = posixpath.join(folder, "_rels", base + ".rels")
        if path not in self.names:
            return {}
        found: dict[str, tuple[str, str]] = {}
        for relation in self.xml(path).iter(f"{RELATIONSHIPS}Relationship"):
            if relation.get("TargetMode") != "External":
                kind = relation.get("Type", "").rpartition("/")[2]
                found[relation.get("Id", "")] = (kind, resolved(folder, relation.get("Target", "")))
        return found


_UNREADABLE = (KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError)


def resolved(folder: str, target: str) -> str:
    """The name of the part that ``target`` leads to from a part in ``folder``."""
    plain = unquote(target.partition("#")[0])
    return posixpath.normpath(plain[1:] if plain.startswith("/") else posixpath.join(folder, plain))
