"""The text of 《Python 實戰課》: what this machine's own Python says about its standard library.

Drawn at run time from docstrings, one Markdown document a module; nothing of it is kept in the project.
"""

import importlib
import inspect
import io
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

FREE = "textwrap"
"""The module whose document anybody may read."""

SINGLY = (FREE, "heapq", "bisect")
"""These are uploaded one by one; the rest comes in an archive."""

ARCHIVED = (
    *("abc", "argparse", "array", "asyncio.locks", "asyncio.queues", "asyncio.tasks", "base64", "calendar"),
    *(
        "cmath",
        "codecs",
        "collections",
        "collections.abc",
        "concurrent.futures",
        "configparser",
        "contextlib",
    ),
    *("contextvars", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "email.message", "enum"),
    *("fileinput", "fnmatch", "fractions", "functools", "getpass", "gettext", "glob", "graphlib", "gzip"),
    *("hashlib", "hmac", "html", "http.client", "http.cookies", "importlib.resources", "inspect", "io"),
    *("ipaddress", "itertools", "json", "keyword", "linecache", "locale", "logging", "lzma", "math"),
    *("mimetypes", "numbers", "operator", "os.path", "pathlib", "pickle", "pprint", "queue", "random", "re"),
    *("sched", "secrets", "select", "selectors", "shelve", "shlex", "shutil", "signal", "socket", "sqlite3"),
    *("ssl", "stat", "statistics", "string", "struct", "subprocess", "tarfile", "tempfile", "threading"),
    *("time", "timeit", "tokenize", "traceback", "types", "typing", "unicodedata", "unittest.mock"),
    *("urllib.parse", "urllib.request", "uuid", "warnings", "weakref", "xml.etree.ElementTree", "zipfile"),
    *("zipimport", "zlib", "zoneinfo"),
)


SET_OUT = (" ", "\t", ">>>", "...", "#", "-", "*", "|", "+")
"""A paragraph with a line that begins so is laid out by its author, and left as it is."""


@dataclass(frozen=True)
class Page:
    """One document: ``name`` is the module's, ``text`` is Markdown."""

    name: str
    text: str

    @property
    def file_name(self) -> str:
        return f"{self.name}.md"


def page(name: str) -> Page | None:
    """The document of one module; ``None`` where this Python does not have it or says nothing of it."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return None
    lines = [f"# {name}", "", _prose(module)]
    for entry, value in _members(module):
        lines += ["", f"## {name}.{entry}{_signature(value)}", "", _prose(value)]
        if inspect.isclass(value):
            for method, function in _methods(value):
                heading = f"### {name}.{entry}.{method}{_signature(function)}"
                lines += ["", heading, "", _prose(function)]
    return Page(name, "\n".join(lines).strip() + "\n") if len(lines) > 3 else None


def singles() -> list[Page]:
    return [found for name in SINGLY if (found := page(name))]


def archived() -> list[Page]:
    return [found for name in ARCHIVED if (found := page(name))]


def pack(pages: list[Page]) -> bytes:
    """The pages as a ``tar.gz``, the way a folder of notes would come."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for one in pages:
            data = one.text.encode()
            entry = tarfile.TarInfo(f"python-{sys.version_info[0]}.{sys.version_info[1]}/{one.file_name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def _prose(value: object) -> str:
    """The docstring as Markdown: paragraphs in one line each, whatever is set out in lines as code."""
    paragraphs = (inspect.getdoc(value) or "").split("\n\n")
    return "\n\n".join(_paragraph(one.strip("\n")) for one in paragraphs if one.strip())


def _paragraph(text: str) -> str:
    lines = text.splitlines()
    if any(
        line != line.lstrip() or line.startswith((">>>", "...", "#", "-", "*", "|", "+")) for line in lines
    ):
        return f"```\n{text}\n```"
    return " ".join(" ".join(lines).split())


def _members(module: ModuleType) -> Iterator[tuple[str, object]]:
    """What the module offers and documents: functions and classes of its own, by name."""
    public = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in sorted(public):
        value = getattr(module, name, None)
        if (inspect.isroutine(value) or inspect.isclass(value)) and inspect.getdoc(value):
            yield name, value


def _methods(owner: type) -> Iterator[tuple[str, object]]:
    for name, value in sorted(vars(owner).items()):
        if not name.startswith("_") and inspect.isroutine(value) and inspect.getdoc(value):
            yield name, value


def _signature(value: object) -> str:
    """What a call takes, by name: ``(heap, item)``."""
    if not callable(value):
        return ""
    try:
        parameters = inspect.signature(value).parameters
    except (ValueError, TypeError):
        return "()"
    return f"({', '.join(name for name in parameters if name != 'self')})"
