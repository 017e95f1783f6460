"""A server that speaks OpenAI's API: one JSON document there, and its answer back, whole or as events.

Written on aiohttp: a streamed reply of a dozen words costs a fifteenth of the CPU that OpenAI's own package
takes, which is also a second and 50 MB to import.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

OPENAI = "https://api.openai.com/v1"
LONGEST_EVENT = 1 << 20
"""Bytes of an event of a stream, at most."""
UNUSED_SECONDS = 4.0
"""How long an unused connection is kept: less than the five seconds after which most servers close theirs."""
ENDING_SECONDS = 0.1
"""How long the end of what has been told whole is waited for, so that its connection can be used again."""
DONE = b"[DONE]"


class ServerRefused(Exception):
    """The server answered, and not with what was asked for. Its own words are in no message."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The server answered {status}.")
        self.status = status


class ModelServer:
    """``base_url`` empty means OpenAI's own. Connections are pooled, so one serves the whole process. Proxies
    are taken from the environment."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self._base = (base_url or OPENAI).rstrip("/")
        self._headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._opened: ClientSession | None = None

    def _session(self) -> "ClientSession":
        if self._opened is None:
            # Here, because services without a model need none of it, and because it wants a running loop.
            from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

            self._opened = ClientSession(
                headers=self._headers,
                connector=TCPConnector(limit=0, keepalive_timeout=UNUSED_SECONDS),
                timeout=ClientTimeout(total=None, sock_connect=None, sock_read=None),
                cookie_jar=DummyCookieJar(),
                # aiohttp would look for it in a thread, twice a call.
                proxy=_proxy_to(self._base),
            )
        return self._opened

    @asynccontextmanager
    async def post(self, path: str, body: Mapping[str, Any]) -> AsyncIterator["ClientResponse"]:
        """The server's answer, its body not yet read; hangs up if it is not read to its end within the block.
        Waits as long as it takes. Raises ``ServerRefused`` and what aiohttp raises."""
        async with self._session().post(self._base + path, data=msgspec.json.encode(body)) as response:
            if response.status != 200:
                raise ServerRefused(response.status)
            yield response

    async def close(self) -> None:
        """Closes the connections."""
        if self._opened is not None:
            await self._opened.close()


def _proxy_to(url: str) -> str | None:
    """The proxy that the environment names for this address, if any."""
    parts = urlsplit(url)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme)


async def events_of(response: "ClientResponse") -> AsyncGenerator[list[bytes], None]:
    """The data of the events of a stream as they come, to its ``[DONE]`` or its end: those that came together
    are handed over together. Raises ``ValueError`` for an event that is too long."""
    rest = b""
    async for piece in response.content.iter_any():
        *whole, rest = (rest + piece).replace(b"\r\n", b"\n").split(b"\n\n")
        if len(rest) > LONGEST_EVENT:
            raise ValueError("an event that is too long")
        events = [data for event in whole if (data := _data_of(event))]
        if DONE in events:
            yield events[: events.index(DONE)]
            await _end(response)
            return
        yield events
    yield [data for data in (_data_of(rest),) if data and data != DONE]


def _data_of(event: bytes) -> bytes:
    lines = event.split(b"\n")
    return b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))


async def _end(response: "ClientResponse") -> None:
    with suppress(Exception):
        async with asyncio.timeout(ENDING_SECONDS):
            await response.content.read(1)
