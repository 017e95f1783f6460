"""Requests to addresses that strangers name: webhooks, and imports from the web.

The name is resolved once, every address it has must be the world's, and the connection goes to the address
that was looked at, while TLS and ``Host`` keep the name: nothing can come between look and connection. No
proxy is taken from the environment, no address of the machine's own network is ever connected to.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from service.platform.addresses import is_loopback, is_the_worlds, parse_address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, as text."""

PORTS = {"http": 80, "https": 443}
LONGEST_URL = 2000
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CONNECTS_TRIED = 3

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?\.?")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_PATH_SAFE = "%/:=&?~+!$,;'@()*[]-._"


class EgressRefused(Exception):
    """This address is not to be reached: its form, scheme, port, or where its name leads."""


class EgressFailed(Exception):
    """Nobody answered, not in time, not in HTTP, or too much."""


class EgressTooLong(EgressFailed):
    """More was answered than the caller takes."""


@dataclass(frozen=True)
class Target:
    """An address, taken apart once. ``host`` is ASCII, or a literal without brackets."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


@dataclass(frozen=True)
class Reply:
    """What was answered. ``body`` may be cut, if the caller said so; ``url`` is who answered in the end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Egress:
    """Sends requests within ``ports``; loopback only where ``allow_loopback`` says so, then on any port."""

    def __init__(
        self, *, ports: Iterable[int], allow_loopback: bool = False, resolve: Resolve | None = None
    ) -> None:
        self._ports = frozenset(ports)
        self._allow_loopback = allow_loopback
        self._resolve = resolve or _look_up
        self._tls = ssl.create_default_context()

    def check(self, url: str) -> Target:
        """Takes an address apart and looks at all that needs no network. Raises ``EgressRefused``."""
        target = parse_target(url)
        if target.port not in self._ports and not self._allow_loopback:
            raise EgressRefused(f"Port {target.port} is not one to send to.")
        try:
            literal = parse_address(target.host)
        except ValueError:
            return target
        self._admit(str(literal), target.port)
        return target

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        seconds: float,
        max_bytes: int,
        cut: bool = False,
        redirects: int = 0,
    ) -> Reply:
        """One request and its whole answer within ``seconds``, redirects included.

        At most ``max_bytes`` of the body are read: a longer one is ``cut``, or refused with
        ``EgressFailed``. Up to ``redirects`` are followed, each looked at like the first; the ``headers``
        go to the first origin alone, and none leads from ``https`` to ``http``. Raises ``EgressRefused``
        and ``EgressFailed``.
        """
        target = self.check(url)
        sent = dict(headers or {})
        try:
            async with asyncio.timeout(seconds):
                while True:
                    reply = await self._exchange(method, target, sent, content, max_bytes, cut=cut)
                    location = reply.headers.get("location")
                    if redirects == 0 or location is None or reply.status not in REDIRECTS:
                        return reply
                    if method not in {"GET", "HEAD"}:
                        raise EgressRefused("Only what is read may lead elsewhere.")
                    redirects -= 1
                    onward = self.check(urljoin(target.url, location))
                    if target.scheme == "https" and onward.scheme == "http":
                        raise EgressRefused("An address led from https to http.")
                    if onward.url.partition("//")[2].partition("/")[0] != target.authority:
                        sent = {}
                    target = onward
        except TimeoutError:
            raise EgressFailed(f"no answer within {seconds:g} seconds") from None

    async def _exchange(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        content: bytes,
        max_bytes: int,
        *,
        cut: bool,
    ) -> Reply:
        lines = {"Host": target.authority, "Accept-Encoding": "identity", "Connection": "close", **headers}
        if content or method not in {"GET", "HEAD"}:
            lines["Content-Length"] = str(len(content))
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        backend = _Looked(self._addresses)
        try:
            async with (
                httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
                pool.stream(method, url, headers=list(lines.items()), content=content) as answer,
            ):
                # What stands beside a redirect is of no use to anybody.
                body = await _read(answer, max_bytes, cut=cut or answer.status in REDIRECTS)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise EgressFailed(_reason(error)) from None
        found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        return Reply(answer.status, found, body, target.url)

    async def _addresses(self, host: str, port: int) -> list[str]:
        """Where ``host`` is. One address inside refuses all: a name that has both is up to no good."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise EgressFailed("the name is not known") from None
        if not found:
            raise EgressFailed("the name is not known")
        return [self._admit(each, port) for each in found]

    def _admit(self, text: str, port: int) -> str:
        try:
            address = parse_address(text)
        except ValueError:
            raise EgressRefused("The name has an address of no known kind.") from None
        if self._allow_loopback and is_loopback(address):
            return str(address)
        if not is_the_worlds(address):
            # The address is not named: it would tell a stranger what is inside.
            raise EgressRefused("This leads to an address that is not public.")
        if port not in self._ports:
            raise EgressRefused(f"Port {port} is not one to send to.")
        return str(address)


def parse_target(url: str) -> Target:
    """Takes an address apart, strictly. Raises ``EgressRefused``."""
    if len(url) > LONGEST_URL or _UNSAFE.search(url):
        raise EgressRefused("This is not an address: it is too long, or has spaces or backslashes.")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = _ascii_host(parts.hostname or "")
    except (ValueError, UnicodeError):
        raise EgressRefused("This is not an address.") from None
    if parts.scheme not in PORTS:
        raise EgressRefused("An address begins with http:// or https://.")
    if "@" in parts.netloc:
        raise EgressRefused("An address names no user.")
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    if parts.query:
        path += "?" + quote(parts.query, safe=_PATH_SAFE)
    return Target(parts.scheme, host, PORTS[parts.scheme] if port is None else port, path)


def _ascii_host(host: str) -> str:
    """The host as it is looked up and named to the other side. Raises ``ValueError``."""
    if ":" in host:
        if "%" in host:
            raise ValueError("an address with a zone is this machine's own matter")
        return str(parse_address(host))
    name = host.encode("idna").decode().lower()
    if not _HOST.fullmatch(name):
        raise ValueError("not a host")
    return name


class _Looked(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that ``look`` lets through, whatever their name means a moment later."""

    def __init__(self, look: Callable[[str, int], Awaitable[list[str]]]) -> None:
        self._look = look
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in (await self._look(host, port))[:CONNECTS_TRIED]:
            try:
                return await self._plain.connect_tcp(address, port, timeout, None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


async def _look_up(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _read(answer: httpcore.Response, max_bytes: int, *, cut: bool) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_stream():
        body += chunk
        if len(body) > max_bytes:
            if not cut:
                raise EgressTooLong(f"the answer is longer than {max_bytes} bytes")
            break
    return bytes(body[:max_bytes])


def _reason(error: Exception) -> str:
    """A few words for the log of whoever owns the address; nothing of this machine."""
    match error:
        case httpcore.ConnectError() if isinstance(error.__cause__, ssl.SSLError) or "SSL" in str(error):
            return "TLS failed: " + str(error)[:200]
        case httpcore.ConnectError() | httpcore.ConnectTimeout():
            return "no connection"
        case httpcore.ProtocolError():
            return "the answer is not HTTP"
        case _:
            return "the connection broke"
