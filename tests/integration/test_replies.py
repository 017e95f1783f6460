"""Replies as servers of all kinds cut and spell them, over a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.answering.model import Message, ModelUnavailable, ModelUsage
from service.answering.openai_model import ModelConfig, OpenAIModel

HELLO = b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n'
LAST = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
COST = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":null}}\n\n'
DONE = b"data: [DONE]\n\n"
NOTE = b": still thinking\n\nevent: chunk\n"
CUT = b"cut"
HALF = b'data: {"choices":[{"delta":{"content":"\\ud83c, "}}]}\n\n'


@asynccontextmanager
async def model_that_sends(
    *pieces: bytes, end: bool = True, pause: float = 0.001, idle: float = 2.0
) -> AsyncIterator[tuple[OpenAIModel, list[int]]]:
    """A model whose replies are these bytes, a write each; and how many connections were made to it. A piece
    ``CUT`` ends the connection."""
    made: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.append(len(made))
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).lower():
                assert head.startswith(b"post /v1/chat/completions ")
                await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
                writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                for piece in pieces:
                    if piece == CUT:
                        return
                    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    await writer.drain()
                    await asyncio.sleep(pause)
                writer.write(b"0\r\n\r\n" if end else b"")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    model = OpenAIModel(ModelConfig("m", f"http://127.0.0.1:{port}/v1/", "", 100, idle, 5.0))
    async with server:
        yield model, made
        await model.close()
        server.close()


async def told(model: OpenAIModel) -> tuple[str, ModelUsage | None]:
    async with model.reply([Message("user", "Say hello.")]) as events:
        said = [event async for event in events]
    usage = said.pop() if said and isinstance(said[-1], ModelUsage) else None
    return "".join(map(str, said)), usage if isinstance(usage, ModelUsage) else None


WHOLE = HELLO + LAST + COST + DONE


@pytest.mark.parametrize(
    "pieces",
    [
        (WHOLE,),
        (HELLO, LAST, COST, DONE),
        tuple(WHOLE[place : place + 7] for place in range(0, len(WHOLE), 7)),
        tuple(WHOLE.replace(b"\n", b"\r\n")[place : place + 1] for place in range(len(WHOLE) + 8)),
        (NOTE + HELLO, NOTE + LAST, COST),
        (HELLO.replace(b"data: ", b"data:"), LAST, COST),
    ],
)
async def test_a_reply_is_the_same_however_it_is_cut(pieces: tuple[bytes, ...]) -> None:
    async with model_that_sends(*filter(None, pieces)) as (model, _):
        assert await told(model) == ("Hello", ModelUsage(3, None))


async def test_half_a_character_is_dropped() -> None:
    async with model_that_sends(HALF, HELLO, LAST, DONE) as (model, _):
        assert await told(model) == (", Hello", None)


@pytest.mark.parametrize(
    "pieces",
    [
        (HELLO,),
        (HELLO, b'data: {"error": {"message": "overloaded"}}\n\n', LAST, DONE),
        (HELLO, b"data: <html>\n\n", LAST, DONE),
        (b'{"choices": [{"message": {"content": "not a stream"}}]}',),
        (HELLO, b"data: " + b"x" * (1 << 21), LAST, DONE),
    ],
)
async def test_a_reply_that_does_not_end_well_is_none(pieces: tuple[bytes, ...]) -> None:
    async with model_that_sends(*pieces) as (model, _):
        with pytest.raises(ModelUnavailable) as raised:
            await told(model)
        assert raised.value.reason == "broken"


@pytest.mark.parametrize("end", [True, False])
async def test_a_connection_is_used_again_unless_its_reply_has_no_end(end: bool) -> None:
    async with model_that_sends(HELLO, LAST, DONE, end=end) as (model, made):
        for _ in range(3):
            assert await told(model) == ("Hello", None)
        assert len(made) == (1 if end else 3)


async def test_nobody_there_is_unreachable() -> None:
    async with model_that_sends(DONE) as (model, _):
        gone = model._config
    model = OpenAIModel(gone)
    with pytest.raises(ModelUnavailable) as raised:
        await told(model)
    assert raised.value.reason == "unreachable"
    await model.close()


async def test_a_connection_that_is_cut_in_the_middle_is_unreachable() -> None:
    """And one that sends nothing has stalled; what keeps it awake is no piece of a reply."""
    async with model_that_sends(HELLO, CUT) as (model, _):
        with pytest.raises(ModelUnavailable) as raised:
            await told(model)
        assert raised.value.reason == "unreachable"
    async with model_that_sends(HELLO, *[b": still thinking\n\n"] * 40, end=False, pause=0.02, idle=0.4) as (
        model,
        _,
    ):
        with pytest.raises(ModelUnavailable) as raised:
            await told(model)
        assert raised.value.reason == "stalled"
