"""Fetching what strangers name an address for: within limits, packed or not, and one at a time per host."""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from service.platform.egress import (
    REDIRECTS,
    Egress,
    EgressFailed,
    EgressRefused,
    EgressTooLong,
    Reply,
)

_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE)

HOSTS_REMEMBERED = 1000


class FetchFailed(Exception):
    """An address gave nothing to import; ``code`` is stable, the message is for whoever named it.

    Codes: ``address_refused``, ``fetch_failed``, ``http_error``, ``too_many_redirects``, ``file_too_large``,
    ``unsupported_encoding``.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Validators:
    """What an answer said to ask with the next time, so that nothing is sent if nothing changed."""

    etag: str | None = None
    last_modified: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        asked = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in asked.items() if value}


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was found at ``url`` in the end. ``body`` is unpacked; ``media_type`` is lower case, or empty."""

    url: str
    body: bytes
    media_type: str
    charset: str | None
    validators: Validators


class Fetcher:
    """Fetches with ``egress``: at most ``max_bytes``, packed or not, within ``seconds``.

    One fetch per host at a time in this process, with a pause between two.
    """

    def __init__(
        self,
        egress: Egress,
        *,
        user_agent: str,
        seconds: float,
        max_bytes: int,
        redirects: int,
        concurrency: int,
        pause_seconds: float,
    ) -> None:
        self._egress = egress
        self._user_agent = user_agent
        self._seconds, self._max_bytes, self._redirects = seconds, max_bytes, redirects
        self._pause = pause_seconds
        self._hosts: dict[str, _Host] = {}
        self._gate = asyncio.Semaphore(concurrency)

    def check(self, url: str) -> str:
        """The address as it will be fetched, by all that needs no network. Raises ``FetchFailed``."""
        try:
            return self._egress.check(url).url
        except EgressRefused as refused:
            raise FetchFailed("address_refused", str(refused)) from None

    async def get(
        self, url: str, *, accept: str = "*/*", validators: Validators | None = None
    ) -> Fetched | None:
        """What is at the address; None when it has not changed since the ``validators`` were given.

        Raises ``FetchFailed``.
        """
        headers = {
            "User-Agent": self._user_agent,
            "Accept": accept,
            **(validators.headers if validators else {}),
        }
        async with self._turn(url):
            reply = await self._request(url, headers)
        if reply.status == 304 and validators is not None:
            return None
        if reply.status in REDIRECTS:
            raise FetchFailed("too_many_redirects", "The address led on and on.")
        if reply.status != 200:
            raise FetchFailed("http_error", f"The address answered {reply.status}.")
        media_type, _, parameters = reply.headers.get("content-type", "").partition(";")
        charset = _CHARSET.search(parameters)
        body = await asyncio.to_thread(unpack, reply.body, reply.headers, self._max_bytes)
        return Fetched(
            url=reply.url,
            body=body,
            media_type=media_type.strip().lower(),
            charset=charset[1] if charset else None,
            validators=Validators(
                etag=reply.headers.get("etag"), last_modified=reply.headers.get("last-modified")
            ),
        )

    async def _request(self, url: str, headers: Mapping[str, str]) -> Reply:
        try:
            return await self._egress.request(
                "GET",
                url,
                headers=headers,
                seconds=self._seconds,
                max_bytes=self._max_bytes,
                redirects=self._redirects,
            )
        except EgressRefused as refused:
            raise FetchFailed("address_refused", str(refused)) from None
        except EgressTooLong:
            raise _too_large(self._max_bytes) from None
        except EgressFailed as failed:
            raise FetchFailed("fetch_failed", f"The address could not be fetched: {failed}.") from None

    @asynccontextmanager
    async def _turn(self, url: str) -> AsyncIterator[None]:
        """The host's turn, then one of all: who waits for a host keeps no other from theirs."""
        try:
            name = self._egress.check(url).host
        except EgressRefused as refused:
            raise FetchFailed("address_refused", str(refused)) from None
        host = self._hosts.setdefault(name, _Host())
        host.users += 1
        try:
            async with host.lock:
                await asyncio.sleep(max(0.0, host.free_at - monotonic()))
                async with self._gate:
                    yield
                host.free_at = monotonic() + self._pause
        finally:
            host.users -= 1
            if len(self._hosts) > HOSTS_REMEMBERED:
                now = monotonic()
                idle = [name for name, each in self._hosts.items() if not each.users and each.free_at < now]
                for name in idle:
                    del self._hosts[name]


@dataclass(slots=True)
class _Host:
    """Whose turn it is at a host, and from when on the next may be."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    free_at: float = 0.0


def unpack(body: bytes, headers: Mapping[str, str], max_bytes: int) -> bytes:
    """The body without its content coding, which was not asked for and may come all the same.

    A bomb is stopped at ``max_bytes``. Raises ``FetchFailed``.
    """
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return body
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise FetchFailed("unsupported_encoding", f"The answer is packed as {coding[:40]!r}.")
    # 32 and more: a header of gzip or zlib is recognized.
    unpacker = zlib.decompressobj(wbits=47)
    try:
        unpacked = unpacker.decompress(body, max_bytes + 1)
    except zlib.error:
        raise FetchFailed("fetch_failed", "The answer is packed and damaged.") from None
    if len(unpacked) > max_bytes or unpacker.unconsumed_tail:
        raise _too_large(max_bytes)
    if not unpacker.eof:
        raise FetchFailed("fetch_failed", "The answer is packed and cut short.")
    return unpacked


def _too_large(max_bytes: int) -> FetchFailed:
    return FetchFailed("file_too_large", f"The answer has more than {max_bytes} bytes.")
