"""From a file to a parsed text, whatever format it is of.

Text is read where it is asked for. Everything else is read in a process of its own (``isolation``), with what
it needs loaded there alone.
"""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeVar

import structlog

from service.knowledge.parsing import html, markdown, plain
from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.isolation import read_apart
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.sniffing import EXTENSIONS, Kind, extension, kind_of

log = structlog.get_logger(__name__)

T = TypeVar("T")

TEXTS: dict[Kind, Callable[[bytes], Parsed]] = {
    "markdown": lambda data: markdown.parse(decode(data)),
    "plain": lambda data: plain.parse(decode(data)),
    "html": html.parse_bytes,
}
MODULES: dict[Kind, str] = {"image": "ocr", "matroska": "video", "mp4": "video"}
"""The readers whose modules are named otherwise than their format."""


def title_of(name: str) -> str:
    """What an imported document is called: the file's name without its extension."""
    path = PurePosixPath(name.replace("\\", "/"))
    return (path.stem if extension(name) in EXTENSIONS else path.name).strip() or path.name


def parse(name: str, data: bytes, *, limits: ParseLimits) -> Parsed:
    """The text and blocks of the file ``name``; its content decides what it is before its name does.

    Raises ``UnreadableFile`` with one of the codes in the room's README; ``text_too_long`` is for more than
    ``limits.characters`` code points. Search folds the text when it is indexed and cites by its offsets:
    ``search.text.fold`` keeps the length, or stops.
    """
    if not data:
        raise UnreadableFile("empty_document", "The file is empty.")
    kind = kind_of(name, data)
    read = TEXTS.get(kind)
    parsed = read(data) if read is not None else read_apart(MODULES.get(kind, kind), data, limits)
    if not parsed.blocks:
        raise UnreadableFile("empty_document", "The file holds no text.")
    if len(parsed.text) > limits.characters:
        raise UnreadableFile("text_too_long", f"The text has more than {limits.characters} characters.")
    return parsed


def try_parse(name: str, data: bytes, *, limits: ParseLimits) -> Parsed | UnreadableFile:
    """``parse``, with the refusal as a value."""
    return outcome_of(lambda: parse(name, data, limits=limits))


def outcome_of(read: Callable[[], T]) -> T | UnreadableFile:
    """What ``read`` makes of a stranger's file, or why it cannot: the file fails alone, whatever is wrong
    with it."""
    try:
        return read()
    except UnreadableFile as refusal:
        return refusal
    except Exception:
        log.exception("file.unreadable")
        return UnreadableFile("unreadable_file", "The file could not be read.")
