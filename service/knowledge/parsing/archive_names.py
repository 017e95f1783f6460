"""The names in archives: decoded as a person wrote them, and judged."""

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from service.knowledge.parsing.encodings import east_asian

_UTF8_FLAG = 0x800
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:")
JUNK = {".ds_store", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True, slots=True)
class Names:
    """How the names of one zip are to be read: those without the UTF-8 flag share an ``encoding``."""

    encoding: str

    @classmethod
    def of_zip(cls, infos: Sequence[zipfile.ZipInfo]) -> "Names":
        raw = [info.filename.encode("cp437") for info in infos if not info.flag_bits & _UTF8_FLAG]
        return cls(_encoding(raw))

    def of(self, info: zipfile.ZipInfo) -> str:
        if info.flag_bits & _UTF8_FLAG:
            return tidy(info.filename)
        return tidy(info.filename.encode("cp437").decode(self.encoding, errors="replace"))


def readable(name: str) -> str:
    """A tar member's name; bytes that are no UTF-8 are read as the Chinese encoding they look like."""
    raw = name.encode("utf-8", errors="surrogateescape")
    return tidy(raw.decode(_encoding([raw]), errors="replace"))


def _encoding(raw: list[bytes]) -> str:
    together = b"\n".join(raw)
    for encoding in ("utf-8", *east_asian(together), "cp437"):
        try:
            together.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "cp437"


def tidy(name: str) -> str:
    """One kind of slash, nothing that cannot be shown or stored, no leading ``./``."""
    return _CONTROL.sub("\ufffd", name.replace("\\", "/")).removeprefix("./")


def is_unsafe(name: str) -> bool:
    """Whether a path is absolute or climbs; nothing is unpacked to paths, but such an archive is hostile."""
    return name.startswith("/") or bool(_DRIVE.match(name)) or ".." in name.split("/") or not name.strip()


def is_junk(name: str) -> bool:
    """What file managers leave behind, which nobody meant to import."""
    path = PurePosixPath(name)
    return "__MACOSX" in path.parts or path.name.lower() in JUNK or path.name.startswith("._")
