"""Feeds, RSS and Atom: their entries, each with what tells whether it changed."""

import hashlib
import re
from calendar import timegm
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

from service.knowledge.parsing.parsed import UnreadableFile

# An internal entity is how a small feed becomes a large one; no feed needs any.
_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_ENTITY_WIDE = "<!ENTITY".encode("utf-16-le")
_TYPES = ("application/rss+xml", "application/atom+xml", "application/rdf+xml")
WHOLE = 600
"""Characters of an entry's own text from which on it is the article and no teaser; less, if the feed calls it
content, is one too."""
CONTENT = 200


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """``key`` names the entry in its feed for good; ``sha256`` is of all that it says. ``html`` is its own
    text; ``whole`` when that is the article itself and no teaser of it."""

    key: str
    sha256: str
    link: str | None
    title: str
    author: str | None
    published: str | None
    html: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Feed:
    """The entries in the feed's order, each key once."""

    title: str
    entries: list[FeedEntry]


def read_feed(data: bytes, *, url: str) -> Feed:
    """The feed found at ``url``. Raises ``UnreadableFile``: ``not_a_feed``, ``unsafe_feed``."""
    import feedparser

    if _ENTITY.search(data) or _ENTITY_WIDE in data:
        raise UnreadableFile("unsafe_feed", "The feed defines entities of its own, which are not expanded.")
    found = feedparser.parse(BytesIO(data), response_headers={"content-location": url})
    if not found.get("version"):
        raise UnreadableFile("not_a_feed", "What is at the address is no feed (RSS or Atom).")
    entries = {entry.key: entry for entry in _entries(found.entries, url)}
    return Feed(title=_line(found.feed.get("title")) or url, entries=list(entries.values()))


def feed_of_page(page: str, *, url: str) -> str | None:
    """The address of the feed that a page names as its own."""
    for link in LexborHTMLParser(page).css("link[rel~=alternate]"):
        address = link.attributes.get("href")
        if (link.attributes.get("type") or "").lower() in _TYPES and address:
            return urljoin(url, address)
    return None


def _entries(found: list[Mapping[str, Any]], url: str) -> Iterator[FeedEntry]:
    for entry in found:
        link = entry.get("link")
        link = urljoin(url, link) if isinstance(link, str) and link else None
        html, whole = _own_text(entry)
        title = _line(entry.get("title"))
        key = str(entry.get("id") or link or hashlib.sha256(f"{title}\n{html}".encode()).hexdigest())
        # feedparser warns of a date it takes from another field.
        updated = str(entry.get("updated") or "") if "updated" in entry else ""
        said = "\n".join([link or "", title, html, updated])
        yield FeedEntry(
            key=hashlib.sha256(key.encode(errors="replace")).hexdigest(),
            sha256=hashlib.sha256(said.encode(errors="replace")).hexdigest(),
            link=link,
            title=title,
            author=_line(entry.get("author")) or None,
            published=_day(entry),
            html=html,
            whole=whole,
        )


def _own_text(entry: Mapping[str, Any]) -> tuple[str, bool]:
    """The longest of what the entry says itself, and whether that is the article."""
    contents = [str(part.get("value") or "") for part in entry.get("content") or []]
    content = max(contents, key=len, default="")
    summary = str(entry.get("summary") or "")
    if content and len(_text(content)) >= CONTENT:
        return content, True
    longest = max(content, summary, key=len)
    return longest, len(_text(longest)) >= WHOLE


def _text(html: str) -> str:
    body = LexborHTMLParser(html).body
    return " ".join((body.text() if body is not None else "").split())


def _line(value: object) -> str:
    return _text(value)[:200] if isinstance(value, str) else ""


def _day(entry: Mapping[str, Any]) -> str | None:
    name = "published_parsed" if "published_parsed" in entry else "updated_parsed"
    parsed = entry.get(name) if name in entry else None
    if parsed is None:
        return None
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC).date().isoformat()
    except (ValueError, OverflowError, TypeError):
        return None
