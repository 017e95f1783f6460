"""From a file to a parsed text: the format is chosen by the name's extension."""

from collections.abc import Callable
from pathlib import PurePosixPath

import structlog

from service.knowledge.parsing import html, markdown, plain
from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.parsed import Parsed, UnreadableFile

log = structlog.get_logger(__name__)

FORMATS: dict[str, Callable[[bytes], Parsed]] = {
    ".md": lambda data: markdown.parse(decode(data)),
    ".markdown": lambda data: markdown.parse(decode(data)),
    ".txt": lambda data: plain.parse(decode(data)),
    ".html": html.parse_bytes,
    ".htm": html.parse_bytes,
}


def extension(name: str) -> str:
    """The extension of a file's name or path in lower case, with its dot; empty if there is none."""
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def title_of(name: str) -> str:
    """What an imported document is called: the file's name without its extension."""
    path = PurePosixPath(name.replace("\\", "/"))
    return (path.stem if path.suffix.lower() in FORMATS else path.name).strip() or path.name


def parse(name: str, data: bytes, *, max_characters: int) -> Parsed:
    """The text and blocks of the file ``name``.

    Raises ``UnreadableFile`` with code ``unsupported_format``, ``binary_content``, ``unknown_encoding``,
    ``empty_document`` or ``text_too_long`` (more than ``max_characters`` code points). Search folds the text
    when it is indexed and cites by its offsets: ``search.text.fold`` keeps the length, or stops.
    """
    parser = FORMATS.get(extension(name))
    if parser is None:
        shown = extension(name) or "without an extension"
        raise UnreadableFile(
            "unsupported_format", f"Files {shown} cannot be read; use {', '.join(sorted(FORMATS))}."
        )
    parsed = parser(data)
    if not parsed.blocks:
        raise UnreadableFile("empty_document", "The file holds no text.")
    if len(parsed.text) > max_characters:
        raise UnreadableFile("text_too_long", f"The text has more than {max_characters} characters.")
    return parsed


def try_parse(name: str, data: bytes, *, max_characters: int) -> Parsed | UnreadableFile:
    """``parse``, with the refusal as a value: a stranger's file fails alone, whatever is wrong with it."""
    try:
        return parse(name, data, max_characters=max_characters)
    except UnreadableFile as refusal:
        return refusal
    except Exception:
        log.exception("file.unreadable")
        return UnreadableFile("unreadable_file", "The file could not be read.")
