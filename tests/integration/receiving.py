"""A stranger's server for tests: takes what is posted to it, checks the signature, answers as it is told."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, str] | Callable[["Received"], Awaitable[tuple[int, str]]]


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    def signed_with(self, secret: str) -> bool:
        """Whether one of the signatures is of this secret, by the letter of Standard Webhooks."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return wanted in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """What came, in order. ``answer`` decides what is said, a status and a body."""

    port: int = 0
    answer: Answer = (200, "ok")
    received: list[Received] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [each.event["type"] for each in self.received]

    async def got(self, count: int, *, seconds: float = 5) -> None:
        """Returns once this many requests have come."""
        async with asyncio.timeout(seconds):
            while len(self.received) < count:
                self.came.clear()
                await self.came.wait()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = asked.rstrip("\r\n").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            method, path, _ = first.split(" ")
            got = Received(method, path, headers, body)
            self.received.append(got)
            self.came.set()
            status, said = await self.answer(got) if callable(self.answer) else self.answer
            raw = said.encode()
            # What is said with a redirect is where to.
            location = f"Location: {said}\r\n" if status in {301, 302, 303, 307, 308} else ""
            head = f"HTTP/1.1 {status} Said\r\n{location}Content-Length: {len(raw)}\r\n\r\n"
            writer.write(head.encode() + raw)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(answer: Answer = (200, "ok")) -> AsyncIterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver(answer=answer)
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
