"""Web sites of the tests: pages, feeds and their tricks, on a real server on loopback."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Page:
    """An answer. With ``tagged`` it has an ETag, and is not sent again to who names it."""

    body: bytes
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    tagged: bool = False
    seconds: float = 0.0

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


@dataclass
class Site:
    """Pages by path; ``asked`` has every request, ``at_once`` the most that were under way together."""

    port: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    under_way: int = 0
    at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(
        self, path: str, body: str | bytes, kind: str = "text/html; charset=utf-8", **fields: object
    ) -> str:
        """The page's address."""
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = Page(data, kind, **fields)  # type: ignore[arg-type]  # as the page has them
        return self.url + path

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.under_way += 1
        self.at_once = max(self.at_once, self.under_way)
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
            path = first.split(" ")[1]
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            self.asked.append((path, headers))
            page = self.pages.get(path, Page(b"nothing here", status=404))
            await asyncio.sleep(page.seconds)
            status, body = page.status, page.body
            sent = {"Content-Type": page.kind, **page.headers}
            if page.tagged:
                sent["ETag"] = page.etag
                if headers.get("if-none-match") == page.etag:
                    status, body = 304, b""
            sent["Content-Length"] = str(len(body))
            head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
            writer.write(f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.under_way -= 1
            writer.close()


@asynccontextmanager
async def website() -> AsyncIterator[Site]:
    """A site without pages, on a free port of this machine."""
    site = Site()
    server = await asyncio.start_server(site.handle, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()


def article(title: str, *paragraphs: str, frame: str = "Home · About") -> str:
    """A page with an article in a frame of navigation."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f"<!doctype html><html><head><title>{title} | A Site</title><meta name='author' content='Ada Writer'>"
        f"<meta property='article:published_time' content='2024-03-05T10:00:00Z'></head><body>"
        f"<nav>{frame}</nav><main><article><h1>{title}</h1>{body}</article></main>"
        f"<footer>Copyright {frame}</footer></body></html>"
    )


def rss(site: Site, *entries: tuple[str, str, str]) -> str:
    """A feed of entries: path, title, and what the feed says of it."""
    items = "".join(
        f"<item><title>{title}</title><link>{site.url}{path}</link><guid>{path}</guid>"
        f"<description>{said}</description></item>"
        for path, title, said in entries
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>A feed</title>{items}</channel></rss>'
