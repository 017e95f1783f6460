"""From what an address gave to a document to be: a page's article, or a file of a format that is read."""

import hashlib
from html import escape
from urllib.parse import unquote, urlsplit

from service.knowledge.documents import Origin
from service.knowledge.parsing.formats import parse, title_of
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.sniffing import EXTENSIONS, extension
from service.knowledge.sources.articles import (
    TITLE_CHARACTERS,
    Article,
    addressed,
    article_of,
    parse_article,
    read_page,
    read_wechat,
)
from service.knowledge.sources.bundle import Item, Taken, marked
from service.platform.fetching import Fetched

PAGES = {"text/html", "application/xhtml+xml"}
FEEDS = {"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json"}
ACCEPTED = "text/html, application/xhtml+xml, application/pdf, text/plain;q=0.9, */*;q=0.5"
_OFFICE = "application/vnd.openxmlformats-officedocument."
FILES = {
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "text/csv": ".csv",
    "text/vtt": ".vtt",
    "application/x-subrip": ".srt",
    "application/pdf": ".pdf",
    "application/epub+zip": ".epub",
    f"{_OFFICE}wordprocessingml.document": ".docx",
    f"{_OFFICE}presentationml.presentation": ".pptx",
    f"{_OFFICE}spreadsheetml.sheet": ".xlsx",
}
_UNTOLD = {"", "application/octet-stream", "binary/octet-stream"}


def take_fetched(item: Item, fetched: Fetched) -> Taken:
    """What was found at the item's address. Raises ``UnreadableFile`` for what cannot be a document."""
    suffix = _suffix(fetched)
    if suffix in {".html", ".htm"}:
        read = read_wechat if item.kind == "wechat_article" else read_page
        return _of_article(item, read(fetched.body, url=fetched.url, charset=fetched.charset))
    return _of(
        item,
        Taken(
            name=fetched.url,
            title=(item.title or title_of(_file_name(fetched.url)))[:TITLE_CHARACTERS],
            format=suffix,
            data=fetched.body,
            origin=Origin(url=fetched.url, author=item.author, published=item.published),
        ),
    )


def take_sent(item: Item, data: bytes) -> Taken:
    """A page that was saved as a file; called by the file's name, as every imported file is.

    Raises ``UnreadableFile``.
    """
    read = read_wechat if item.kind == "wechat_article" else read_page
    article = read(data, url=None)
    return Taken(name=item.name, title=title_of(item.name), data=article.page, origin=article.origin)


def take_entry(item: Item) -> Taken:
    """A feed's entry by its own text. Raises ``UnreadableFile``."""
    origin = Origin(url=item.url, author=item.author, published=item.published)
    return _of_article(item, article_of(item.title or item.name, origin, item.html))


def refused(item: Item, code: str, detail: str) -> Taken:
    """There is nothing to take, and why."""
    return _of(item, Taken(name=item.name, code=code, detail=detail))


def parse_taken(taken: Taken, *, limits: ParseLimits) -> Parsed:
    """The text of what was taken, every locator with its address. Raises ``UnreadableFile``."""
    if taken.code is not None:
        raise UnreadableFile(taken.code, taken.detail)
    origin = taken.origin or Origin()
    if taken.format == "article":
        return parse_article(taken.data, origin)
    return addressed(parse(f"file{taken.format}", taken.data, limits=limits), origin.url)


def sha256_of(taken: Taken) -> str:
    """By which a page kept in step is known to have changed."""
    return hashlib.sha256(taken.data).hexdigest()


def _of_article(item: Item, article: Article) -> Taken:
    found = article.origin
    origin = Origin(
        url=found.url,
        author=found.author or item.author,
        published=item.published or found.published,
        site=found.site,
    )
    title = article.title if not item.title or item.kind == "wechat_article" else item.title
    return _of(
        item,
        Taken(name=origin.url or item.name, title=title[:TITLE_CHARACTERS], data=article.page, origin=origin),
    )


def _of(item: Item, taken: Taken) -> Taken:
    """As the entry of a source that the item is, if it is one."""
    return taken if item.source_id is None else marked(taken, item.source_id, item.key, item.sha256)


def _suffix(fetched: Fetched) -> str:
    """The extension of the format the answer is in. Raises ``UnreadableFile``."""
    media_type = fetched.media_type
    if media_type in PAGES:
        return ".html"
    if media_type in FEEDS:
        raise UnreadableFile("unsupported_content_type", "This is a feed; import it as the kind feed.")
    named = extension(_file_name(fetched.url))
    suffix = FILES.get(media_type) or (named if media_type in _UNTOLD else "")
    if media_type == "text/plain" and named in {".md", ".markdown", ".vtt", ".srt", ".csv"}:
        suffix = named
    if not suffix and media_type in _UNTOLD and fetched.body[:1024].lstrip()[:1] == b"<":
        return ".html"
    if suffix not in EXTENSIONS:
        shown = escape(media_type)[:80] or "of no named type"
        raise UnreadableFile("unsupported_content_type", f"What is at the address ({shown}) cannot be read.")
    return suffix


def _file_name(url: str) -> str:
    return unquote(urlsplit(url).path).rpartition("/")[2] or urlsplit(url).netloc
