"""A server on loopback that speaks OpenAI's embeddings and a rerank endpoint, the same for the same text.

A text's vector counts what it speaks of (a group of words is one dimension, in whatever language), and a
little of its characters, so that no two texts are quite alike. Its order of texts is by the same."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

CONCEPTS = (
    ("试用期", "probation"),
    ("暗号", "password"),
    ("年休假", "annual leave", "vacation"),
    ("面包", "bread"),
    ("独角兽", "unicorn"),
)
DUST = 8


@dataclass
class StubMeaning:
    """``status`` refuses everything; ``seconds`` passes before each answer; a text with ``poison`` in it is
    refused with its whole batch."""

    status: int = 200
    seconds: float = 0.0
    poison: str = ""
    base_url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def embedded(self) -> list[str]:
        """Every text that was sent to be embedded and not refused."""
        return [text for request in self.requests for text in request.get("input", ())]


def vector_of(text: str) -> list[float]:
    """Not of length 1: making it so is the client's part."""
    spoken = [2.0 * sum(word in text.lower() for word in words) for words in CONCEPTS]
    dust = [0.01] * DUST
    for character in text:
        dust[crc32(character.encode()) % DUST] += 0.01 / len(text)
    return spoken + dust


@asynccontextmanager
async def stub_meaning() -> AsyncIterator[StubMeaning]:
    """A listening stub; its ``base_url`` serves both."""
    stub = StubMeaning()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            request = json.loads(await reader.readexactly(length))
            await asyncio.sleep(stub.seconds)
            status, body = _answer(stub, head.split()[1], request)
            data = json.dumps(body).encode()
            writer.write(b"HTTP/1.1 %d Said\r\ncontent-type: application/json\r\n" % status)
            writer.write(b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(data), data))
            await writer.drain()
        except ConnectionError:
            pass  # the client did not wait
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    stub.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield stub
        server.close()


def _answer(stub: StubMeaning, path: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    texts = request["documents"] if path.endswith("/rerank") else request["input"]
    if stub.poison and any(stub.poison in text for text in texts):
        return 400, {"error": {"message": "a text is too long"}}
    if stub.status != 200:
        return stub.status, {"error": {"message": "secret upstream detail"}}
    stub.requests.append(request)
    if path.endswith("/rerank"):
        asked = vector_of(request["query"])
        scores = [sum(a * b for a, b in zip(asked, vector_of(text), strict=True)) for text in texts]
        ranked = sorted(enumerate(scores), key=lambda one: -one[1])[: request["top_n"]]
        return 200, {"results": [{"index": i, "relevance_score": score} for i, score in ranked]}
    data = [{"object": "embedding", "index": i, "embedding": vector_of(text)} for i, text in enumerate(texts)]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    # The last first: the order of an answer is no promise, its indexes are.
    return 200, {"object": "list", "model": request["model"], "data": data[::-1], "usage": usage}
