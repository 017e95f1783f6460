"""Web pages and WeChat articles: the article of a page, without what stands around it.

What is kept is a page of our own making that holds the article alone, so that a page whose frame changed and
whose article did not makes no new revision.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from html import escape
from typing import Any
from urllib.parse import urljoin, urlsplit

import structlog
from selectolax.lexbor import LexborHTMLParser, LexborNode

from search.passages.cutting import Block
from service.knowledge.documents import Origin
from service.knowledge.parsing import html
from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.parsed import Parsed, UnreadableFile

log = structlog.get_logger(__name__)

LONGEST_EXTRACTED = 2_000_000
"""Characters of a page whose article is looked for; a longer one is taken whole."""
SHORT = 250
"""Characters: an article this short cannot be told from what is around it, and the page is taken whole."""
TITLE_CHARACTERS = 200
FACT_CHARACTERS = 200

BEIJING = timezone(timedelta(hours=8))
_WECHAT_HOST = "mp.weixin.qq.com"
_WECHAT_TIME = re.compile(r"""(?:var\s+ct|create_time|ori_create_time)\s*[:=]\s*["']?(\d{10})\b""")
_WECHAT_DAY = re.compile(r"(\d{4})[-年/](\d{1,2})[-月/](\d{1,2})")
_WECHAT_GONE = re.compile(
    r"该内容已被发布者删除|此内容因违规无法查看|该公众号已迁移|此帐号已被屏蔽|链接已过期|此内容被投诉|内容已删除"
)
_WECHAT_CHECK = re.compile(r"环境异常|完成验证后即可继续访问")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_AROUND = "script, style, noscript, template, nav, svg, iframe, object, footer, aside, form, button, select"


@dataclass(frozen=True, slots=True)
class Article:
    """``page`` is HTML of our own making with the article alone."""

    title: str
    origin: Origin
    page: bytes


def read_page(data: bytes, *, url: str | None, charset: str | None = None) -> Article:
    """The article of a web page that was found at ``url``, or saved as a file.

    Raises ``UnreadableFile``: what ``decode`` does, ``empty_document``.
    """
    source = _text(data, charset)
    tree = LexborHTMLParser(html.flattened(source))
    if tree.css_first("#js_content") is not None and _is_wechat(tree, url):
        return read_wechat(data, url=url, charset=charset)
    about = _about(source, url)
    canonical = _canonical(tree, url) or url
    title = about["title"] or _title(tree) or ""
    body = _extracted(source, url) if len(source) <= LONGEST_EXTRACTED else None
    if body is None or len(_plain(body)) < SHORT:
        body = _whole(tree)
    origin = Origin(url=canonical, author=about["author"], published=about["date"], site=about["sitename"])
    return article_of(title or _last_step(canonical), origin, body)


def read_wechat(data: bytes, *, url: str | None, charset: str | None = None) -> Article:
    """An article of a WeChat account, from its address or from a page saved there.

    Raises ``UnreadableFile``: ``article_unavailable`` for one that was taken down or is kept behind a check,
    and what ``read_page`` does.
    """
    source = _text(data, charset)
    tree = LexborHTMLParser(html.flattened(source))
    content = tree.css_first("#js_content")
    if content is None or not (content.text() or "").strip():
        if _WECHAT_GONE.search(source):
            raise UnreadableFile("article_unavailable", "The article was taken down.")
        if _WECHAT_CHECK.search(source):
            raise UnreadableFile(
                "article_unavailable",
                "WeChat wants a person to check; save the page and import the file.",
            )
    if content is None:
        body = _extracted(source, url) or _whole(tree)
    else:
        for image in content.css("[data-src]"):
            address = image.attributes.get("data-src")
            if address:
                image.attrs["src"] = address
        body = _inside(content)
    time = _first(tree, "#publish_time") or ""
    day = _WECHAT_DAY.search(time)
    stamp = _WECHAT_TIME.search(source)
    origin = Origin(
        url=_wechat_address(tree, url),
        author=_first(tree, "#js_author_name", "#js_name", "#profileBt a", ".profile_nickname")
        or _meta(tree, "author", "og:article:author"),
        published=_of_day(day) if day else _of_stamp(stamp[1]) if stamp else None,
        site=_first(tree, "#js_name", "#profileBt a") or _meta(tree, "og:site_name"),
    )
    return article_of(_wechat_title(tree) or _last_step(origin.url), origin, body)


def parse_article(page: bytes, origin: Origin) -> Parsed:
    """The text of an ``Article``'s page; every locator carries the address it is from."""
    parsed = html.parse_bytes(page)
    return addressed(parsed, origin.url)


def addressed(parsed: Parsed, url: str | None) -> Parsed:
    """The same text, its locators with ``url``; neighbours that shared one share one still."""
    if url is None:
        return parsed
    blocks: list[Block] = []
    before: dict[str, Any] | None = None
    locator: dict[str, Any] = {}
    for block in parsed.blocks:
        if block.locator is not before:
            before, locator = block.locator, {**block.locator, "url": url}
        blocks.append(Block(block.start, block.end, block.kind, locator))
    return replace(parsed, blocks=blocks)


def article_of(title: str, origin: Origin, body: str) -> Article:
    """The page that is kept of ``body``, a stranger's HTML. Raises ``UnreadableFile``: ``empty_document``."""
    title = _clean(title, TITLE_CHARACTERS) or "Untitled"
    opening = LexborHTMLParser(f"<html><body>{body}</body></html>")
    first = opening.css_first("h1")
    headed = (
        ""
        if first is not None and _clean(first.text(), TITLE_CHARACTERS) == title
        else f"<h1>{escape(title)}</h1>"
    )
    facts = "".join(
        f'<meta name="{name}" content="{escape(value)}">'
        for name, value in (("author", origin.author), ("date", origin.published), ("site", origin.site))
        if value
    )
    link = f'<link rel="canonical" href="{escape(origin.url)}">' if origin.url else ""
    page = (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{escape(title)}</title>{facts}{link}</head>'
        f"<body>{headed}{body}</body></html>"
    )
    if not _plain(body).strip():
        raise UnreadableFile("empty_document", "The page holds no text.")
    return Article(title, origin, page.encode())


def _text(data: bytes, charset: str | None) -> str:
    return decode(data, declared=charset or html.declared_encoding(data))


def _extracted(source: str, url: str | None) -> str | None:
    """The article as trafilatura finds it; None where it finds none, or is not installed."""
    try:
        import trafilatura
    except ImportError:
        return None
    try:
        found = trafilatura.extract(
            source,
            url=url,
            output_format="html",
            include_comments=False,
            include_tables=True,
            include_formatting=True,
            favor_recall=True,
        )
    except Exception:  # a stranger's page: whatever is wrong with it, it can be taken whole
        log.exception("article.not_extracted")
        return None
    if not found:
        return None
    body = LexborHTMLParser(found).body
    return None if body is None else _inside(body)


def _about(source: str, url: str | None) -> dict[str, str | None]:
    """What the page says of itself."""
    names = ("title", "author", "date", "sitename")
    try:
        import trafilatura

        found = trafilatura.extract_metadata(source[:LONGEST_EXTRACTED], default_url=url)
        values = {name: getattr(found, name, None) for name in names}
    except Exception:  # as above; a page without facts is a page
        values = dict.fromkeys(names)
    facts = {
        name: _clean(value, FACT_CHARACTERS) or None if isinstance(value, str) else None
        for name, value in values.items()
    }
    if facts["date"] and not _DAY.fullmatch(facts["date"]):
        facts["date"] = None
    return facts


def _whole(tree: LexborHTMLParser) -> str:
    """Everything a reader of the page reads, but for what plainly stands around an article."""
    root = tree.css_first("main") or tree.css_first("article") or tree.body
    if root is None:
        return ""
    for node in root.css(_AROUND):
        node.decompose()
    return _inside(root)


def _canonical(tree: LexborHTMLParser, url: str | None) -> str | None:
    """The page's own name for its address, taken only for the host it was found at."""
    link = tree.css_first("link[rel=canonical]")
    named = (link.attributes.get("href") if link is not None else None) or _meta(tree, "og:url")
    if not named:
        return None
    try:
        full = urljoin(url or "", named.strip())
        parts = urlsplit(full)
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(full) > 2000:
        return None
    if url is not None and parts.netloc != urlsplit(url).netloc:
        return None
    return full.partition("#")[0]


def _is_wechat(tree: LexborHTMLParser, url: str | None) -> bool:
    return (url is not None and urlsplit(url).hostname == _WECHAT_HOST) or _wechat_title(tree) is not None


def _wechat_address(tree: LexborHTMLParser, url: str | None) -> str | None:
    return _canonical(tree, url) or url


def _wechat_title(tree: LexborHTMLParser) -> str | None:
    return _first(tree, "#activity-name", ".rich_media_title") or _meta(tree, "og:title", "twitter:title")


def _title(tree: LexborHTMLParser) -> str | None:
    return _first(tree, "h1", "title")


def _first(tree: LexborHTMLParser, *selectors: str) -> str | None:
    """The text of the first of these that says anything."""
    for selector in selectors:
        node: LexborNode | None = tree.css_first(selector)
        if node is not None and (text := _clean(node.text(), TITLE_CHARACTERS)):
            return text
    return None


def _meta(tree: LexborHTMLParser, *names: str) -> str | None:
    for name in names:
        for kind in ("property", "name"):
            node = tree.css_first(f'meta[{kind}="{name}"]')
            value = node.attributes.get("content") if node is not None else None
            if value and value.strip():
                return value.strip()
    return None


def _inside(node: LexborNode) -> str:
    """The node's own HTML, without the node."""
    return "".join(child.html or "" for child in node.iter(include_text=True))


def _plain(body: str) -> str:
    return html.parse(f"<html><body>{body}</body></html>").text


def _clean(text: str | None, most: int) -> str:
    return " ".join((text or "").split())[:most]


def _last_step(url: str | None) -> str:
    parts = urlsplit(url or "")
    return parts.path.rstrip("/").rpartition("/")[2] or parts.netloc


def _of_day(day: re.Match[str]) -> str:
    return f"{int(day[1]):04d}-{int(day[2]):02d}-{int(day[3]):02d}"


def _of_stamp(seconds: str) -> str:
    """The day in Beijing, as WeChat shows it."""
    return datetime.fromtimestamp(int(seconds), BEIJING).date().isoformat()
