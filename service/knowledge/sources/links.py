"""Lists of links: a text with an address a line, JSON, or OPML."""

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import ParseError

from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.parsed import UnreadableFile

_ADDRESS = re.compile(r"https?://[^\s<>\"'，。；、）】》]+")
_CLOSING = {")": "(", "]": "["}
_NAMES = ("url", "link", "href", "xmlUrl", "feed_url", "htmlUrl")
DEEPEST = 20


def read_links(name: str, data: bytes, *, feeds: bool) -> list[str]:
    """The addresses in the file, in its order, each once; of an OPML's outlines those of feeds, or of pages.

    Raises ``UnreadableFile``: what ``decode`` does, ``damaged_list``, ``no_links``.
    """
    text = decode(data).removeprefix("\ufeff").strip()
    lower = name.lower()
    if lower.endswith((".opml", ".xml")) or text.startswith(("<?xml", "<opml")):
        found = list(_outlined(data, feeds=feeds))
    elif lower.endswith(".json") or text.startswith(("[", "{")):
        found = list(_in_json(text))
    else:
        found = list(_in_text(text))
    links = list(dict.fromkeys(found))
    if not links:
        raise UnreadableFile("no_links", "The file names no address that begins with http:// or https://.")
    return links


def _in_text(text: str) -> Iterator[str]:
    """Addresses in running text, Markdown too; a line that begins with ``#`` is a comment."""
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        for found in _ADDRESS.finditer(line):
            yield _trimmed(found[0])


def _trimmed(address: str) -> str:
    """Without the punctuation of the sentence around it; a bracket stays if it was opened inside."""
    while address and (last := address[-1]) in ".,;:!?)]*":
        if last in _CLOSING and address.count(_CLOSING[last]) >= address.count(last):
            break
        address = address[:-1]
    return address


def _in_json(text: str) -> Iterator[str]:
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableFile("damaged_list", "The file is not valid JSON.") from None
    yield from _addresses(decoded, 0)


def _addresses(value: Any, depth: int) -> Iterator[str]:
    """Texts that are addresses, in lists and in fields that are called like one."""
    if depth > DEEPEST:
        return
    if isinstance(value, str):
        if _ADDRESS.fullmatch(value.strip()):
            yield value.strip()
    elif isinstance(value, list):
        for item in value:
            yield from _addresses(item, depth + 1)
    elif isinstance(value, dict):
        named = [value[name] for name in _NAMES if isinstance(value.get(name), str)]
        yield from _addresses(named[:1], depth + 1)
        for item in value.values():
            if isinstance(item, list | dict):
                yield from _addresses(item, depth + 1)


def _outlined(data: bytes, *, feeds: bool) -> Iterator[str]:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise UnreadableFile("damaged_list", "The file is not valid OPML.") from None
    wanted = ("xmlUrl", "url") if feeds else ("htmlUrl", "url", "xmlUrl")
    for outline in root.iter("outline"):
        address = next((outline.get(name, "") for name in wanted if outline.get(name)), "").strip()
        if _ADDRESS.fullmatch(address):
            yield address
