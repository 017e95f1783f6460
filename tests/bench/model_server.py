"""A model's server that costs next to nothing: ``python -m tests.bench.model_server PORT``.

Speaks OpenAI's chat completions over connections that stay open, streamed word by word (all words at once)
and whole. It says the same to everybody, and cites the first passage it is shown.
"""

import asyncio
import json
import sys
from typing import Any

WORDS = ("As ", "the ", "rules ", "of ", "the ", "house ", "say, ", "so ", "it ", "is. ", "[1]")
USAGE = {"prompt_tokens": 11, "completion_tokens": len(WORDS), "total_tokens": 11 + len(WORDS)}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n"


def _chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _event(content: dict[str, Any]) -> bytes:
    whole = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "stub", **content}
    data = b"data: %b\n\n" % json.dumps(whole).encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


def _streamed(*, usage: bool) -> bytes:
    chunks = [_chunk({"role": "assistant", "content": ""}), *(_chunk({"content": word}) for word in WORDS)]
    chunks += [_chunk({}, "stop"), *([{"choices": [], "usage": USAGE}] if usage else [])]
    end = b"data: [DONE]\n\n"
    told = b"".join(map(_event, chunks)) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(end), end)
    return HEAD % b"text/event-stream" + b"transfer-encoding: chunked\r\n\r\n" + told


def _whole() -> bytes:
    message = {"role": "assistant", "content": "".join(WORDS)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    told = {"id": "c", "object": "chat.completion", "created": 1, "model": "stub", "usage": USAGE}
    body = json.dumps(told | {"choices": [choice]}).encode()
    return HEAD % b"application/json" + b"content-length: %d\r\n\r\n%b" % (len(body), body)


STREAMED = {usage: _streamed(usage=usage) for usage in (False, True)}
WHOLE = _whole()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            asked = json.loads(await reader.readexactly(int(length or 0)) or b"{}")
            options = asked.get("stream_options") or {}
            usage = bool(options.get("include_usage"))
            writer.write(STREAMED[usage] if asked.get("stream") else WHOLE)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the client is done
    finally:
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
