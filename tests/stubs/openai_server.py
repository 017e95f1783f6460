"""A server on loopback that speaks OpenAI's chat completions as streams, and remembers every prompt."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Reply = Callable[[dict[str, Any]], AsyncIterator[str]]


@dataclass
class StubModel:
    """``reply`` makes the text of an answer from the request, piece by piece; ``status`` refuses instead.

    ``cut`` ends a reply without its last chunk. ``asked`` is set by the first request, ``closed`` when a
    client hung up in the middle.
    """

    reply: Reply
    status: int = 200
    cut: bool = False
    base_url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def prompts(self) -> str:
        """Everything that any model was ever told."""
        return "\n".join(m["content"] for request in self.requests for m in request["messages"])


def saying(*pieces: str) -> Reply:
    """A reply of fixed pieces."""

    async def reply(_request: dict[str, Any]) -> AsyncIterator[str]:
        for piece in pieces:
            yield piece

    return reply


@asynccontextmanager
async def stub_model(reply: Reply) -> AsyncIterator[StubModel]:
    """A listening stub; its ``base_url`` is for the SDK."""
    stub = StubModel(reply)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _serve(stub, reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    stub.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield stub
        server.close()


async def _serve(stub: StubModel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length:")[1].split("\r\n")[0])
    request = json.loads(await reader.readexactly(length))
    stub.requests.append(request)
    stub.asked.set()
    if stub.status != 200:
        body = b'{"error": {"message": "secret upstream detail"}}'
        writer.write(b"HTTP/1.1 %d No\r\ncontent-type: application/json\r\n" % stub.status)
        writer.write(b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        return
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    gone = asyncio.create_task(reader.read())
    writing = asyncio.create_task(_write(stub, request, writer))
    await asyncio.wait({gone, writing}, return_when=asyncio.FIRST_COMPLETED)
    if not writing.done():
        stub.closed.set()
    for task in (gone, writing):
        task.cancel()
    await asyncio.gather(gone, writing, return_exceptions=True)


async def _write(stub: StubModel, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
    said = ""
    async for piece in stub.reply(request):
        said += piece
        await _send(writer, {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
    if stub.cut:
        return
    await _send(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 11, "completion_tokens": len(said), "total_tokens": 11 + len(said)}
    await _send(writer, {"choices": [], "usage": usage})
    writer.write(b"data: [DONE]\n\n")
    await writer.drain()


async def _send(writer: asyncio.StreamWriter, chunk: dict[str, Any]) -> None:
    whole = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "stub", **chunk}
    writer.write(b"data: " + json.dumps(whole).encode() + b"\n\n")
    await writer.drain()
