"""How the story is told: a line for every call, a line for every result, and a check for every claim."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

T = TypeVar("T")

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
POLL_SECONDS = 0.2


class StoryBroken(Exception):
    """Something the story claims did not hold; the text says what was claimed and what was seen."""


class Teller:
    """Calls the served instance and says so.

    Every call goes over HTTP to ``base_url``; ``token`` arguments are access tokens or key secrets.
    """

    def __init__(self, base_url: str, console: Console) -> None:
        self.base_url = base_url.rstrip("/")
        self.console = console
        self._http = httpx.AsyncClient(base_url=self.base_url, timeout=30, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    # --- saying ----------------------------------------------------------------------------------------

    def step(self, number: str, title: str) -> None:
        self.console.print()
        self.console.rule(f"[bold]{escape(number)}  {escape(title)}", align="left", style="cyan")

    def say(self, text: str) -> None:
        self.console.print(Padding(Text(text), (0, 0, 0, 2)))

    def show(self, label: str, value: object) -> None:
        self._row(Text(label, "cyan"), str(value), width=12)

    def check(self, claim: str, held: bool, seen: object = "") -> None:
        """Says that ``claim`` holds. Raises ``StoryBroken`` with what was ``seen`` instead."""
        if not held:
            raise StoryBroken(f"{claim}: this does not hold. Seen: {seen!r}")
        self._row(Text("✓", "green"), claim, width=1)

    @contextmanager
    def bar(self, label: str, total: int | None) -> Iterator[Callable[[int, int | None], None]]:
        """A progress bar; the block gets a function of what is done and of how much there is."""
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(40),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(label, total=total)
            yield lambda done, of: progress.update(task, completed=done, total=of)

    @contextmanager
    def waiting(self, label: str) -> Iterator[None]:
        with self.console.status(f"  {escape(label)}"):
            yield

    def _row(self, head: Text, text: str, *, width: int) -> None:
        """One entry; a text of several lines stays in its own column."""
        row = Table.grid(padding=(0, 1))
        row.add_column(width=1)
        row.add_column(width=width)
        row.add_column(overflow="fold")
        row.add_row("", head, Text(text))
        self.console.print(row)

    # --- calling ---------------------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        expect: int | None = 200,
        quiet: bool | int = False,
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> Any:
        """The decoded JSON of a call, ``None`` if empty; the status must be ``expect`` (``None``: any).

        A ``quiet`` call is not shown; with a status as ``quiet``, one that is answered so is not.
        """
        started = time.perf_counter()
        response = await self._http.request(
            method, path, headers=self._headers(token) | (headers or {}), **request
        )
        unexpected = expect is not None and response.status_code != expect
        hushed = quiet is True or (quiet is not False and response.status_code == quiet)
        if unexpected or not hushed:
            self._line(method, path, response.status_code, time.perf_counter() - started)
        if unexpected:
            raise StoryBroken(f"{method} {path} answers {expect}: it answered {_brief(response)}")
        return msgspec.json.decode(response.content) if response.content else None

    async def page(self, path: str) -> str:
        """The HTML of a public page or of the sandbox's."""
        started = time.perf_counter()
        response = await self._http.get(path, headers={"Accept": "text/html"})
        self._line("GET", path, response.status_code, time.perf_counter() - started)
        if response.status_code != 200:
            raise StoryBroken(f"GET {path} opens a page: it answered {_brief(response)}")
        return response.text

    async def pay(self, checkout_url: str, *, card: str = "4242424242424242") -> str:
        """Fills in the hosted payment page as a reader would; the address it then sends the reader to."""
        await self.page(checkout_url)
        started = time.perf_counter()
        response = await self._http.post(checkout_url, data={"card": card})
        self._line("POST", checkout_url, response.status_code, time.perf_counter() - started)
        if response.status_code != 303:
            raise StoryBroken(f"The payment page takes the card: it answered {_brief(response)}")
        return response.headers["location"]

    async def stream(
        self, path: str, *, token: str, json: dict[str, object]
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """The server-sent events of a POST as pairs of name and data, as they come."""
        headers = self._headers(token) | {"Accept": "text/event-stream"}
        started = time.perf_counter()
        async with self._http.stream("POST", path, headers=headers, json=json) as response:
            self._line("POST", f"{path}  (as a stream)", response.status_code, time.perf_counter() - started)
            if response.status_code != 200:
                await response.aread()
                raise StoryBroken(f"POST {path} streams an answer: it answered {_brief(response)}")
            event, data = "message", ""
            async for line in response.aiter_lines():
                if line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:"):
                    data += line[5:].strip()
                elif not line and data:
                    yield event, msgspec.json.decode(data)
                    event, data = "message", ""

    async def until(
        self,
        claim: str,
        look: Callable[[], Awaitable[T | None]],
        *,
        seconds: float,
        every: float = POLL_SECONDS,
    ) -> T:
        """Looks again and again until something is found; raises ``StoryBroken`` after ``seconds``."""
        deadline = time.monotonic() + seconds
        while (found := await look()) is None:
            if time.monotonic() > deadline:
                raise StoryBroken(f"{claim}: not within {seconds:.0f} s")
            await asyncio.sleep(POLL_SECONDS)
        return found

    @asynccontextmanager
    async def within(self, seconds: float, what: str) -> AsyncIterator[None]:
        """A deadline for one step."""
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise StoryBroken(f"{what}: not done within {seconds:.0f} s") from None

    def _headers(self, token: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _line(self, method: str, path: str, status: int, seconds: float) -> None:
        url = urlsplit(path)
        short = UUID.sub("…", url.path)
        if url.netloc and not path.startswith(self.base_url):
            short = f"sandbox {short[:24]}{'…' if len(short) > 24 else ''}"
        colour = "green" if status < 400 else "yellow"
        line = f"{method} {short}" + (f"?{url.query}" if url.query and not url.netloc else "")
        self.console.print(
            f"  [dim]{escape(line)} →[/] [{colour}]{status}[/] [dim]{seconds * 1000:.0f} ms[/]",
            soft_wrap=True,
        )


def money(value: dict[str, Any]) -> str:
    """``{"amount": 990, "currency": "cny"}`` as ``9.90 CNY``; for currencies of two decimals."""
    return fen(value["amount"], value["currency"])


def fen(amount: int, currency: str = "cny") -> str:
    sign = "-" if amount < 0 else ""
    return f"{sign}{abs(amount) // 100}.{abs(amount) % 100:02d} {currency.upper()}"


def shortened(text: str, length: int = 160) -> str:
    """One line of at most ``length`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _brief(response: httpx.Response) -> str:
    return f"{response.status_code} {shortened(response.text, 300)}"
