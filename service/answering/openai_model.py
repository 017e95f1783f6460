"""A language model behind any server that speaks OpenAI's chat completions."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from service.answering.model import Message, ModelEvent, ModelUnavailable, ModelUsage
from service.answering.model_server import ModelServer, ServerRefused, events_of

log = structlog.get_logger(__name__)

CHARACTERS_A_TOKEN = 8
"""More than any tokenizer makes of a text, so that what goes beyond it is a server that ignores the limit."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """``base_url`` empty means OpenAI's own. ``idle_seconds`` is the longest wait for the next piece of a
    reply, its first included; ``total_seconds`` the longest for all of it."""

    name: str
    base_url: str
    api_key: str
    max_output_tokens: int
    idle_seconds: float
    total_seconds: float


class _Delta(msgspec.Struct):
    content: Any = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: Any = None


class _Usage(msgspec.Struct):
    prompt_tokens: Any = None
    completion_tokens: Any = None


class _Chunk(msgspec.Struct):
    """What is read of an event of a reply; servers differ in all the rest."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class OpenAIModel:
    """A ``Model``. Connections are pooled, so one serves the whole process."""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config
        self._server = ModelServer(config.base_url, config.api_key)
        # OpenAI's newer models know only the new name, most compatible servers only the old one.
        self._limit = "max_tokens" if config.base_url else "max_completion_tokens"

    @property
    def name(self) -> str:
        return self._config.name

    def reply(self, messages: Sequence[Message]) -> AbstractAsyncContextManager[AsyncIterator[ModelEvent]]:
        return self._reply(messages)

    @asynccontextmanager
    async def _reply(self, messages: Sequence[Message]) -> AsyncIterator[AsyncIterator[ModelEvent]]:
        request: dict[str, Any] = {
            "model": self._config.name,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
            self._limit: self._config.max_output_tokens,
        }
        async with aclosing(self._read(request)) as events:
            yield events

    async def _read(self, request: dict[str, Any]) -> AsyncGenerator[ModelEvent, None]:
        """Closing this generator closes the connection, and with it the upstream's work."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._config.total_seconds
        room = self._config.max_output_tokens * CHARACTERS_A_TOKEN
        finished = answered = False
        usage: ModelUsage | None = None
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._config.idle_seconds):
                    asked = self._server.post("/chat/completions", request)
                    response = await stack.enter_async_context(asked)
                answered = True
                arriving = await stack.enter_async_context(aclosing(events_of(response)))
                while room >= 0:
                    async with asyncio.timeout_at(min(loop.time() + self._config.idle_seconds, end)):
                        events = await anext(arriving, None)
                    if events is None:
                        break
                    text = ""
                    for said, ended, told in map(_content, events):
                        text += said
                        finished = finished or ended
                        usage = told or usage
                    room -= len(text)
                    if text:
                        yield text
            if not finished and room >= 0:
                raise ModelUnavailable("broken")
        except ModelUnavailable:
            raise
        except Exception as error:  # whatever a server sends, and however the client takes it
            raise _unavailable(error, answered=answered) from error
        if usage is not None:
            yield usage

    async def close(self) -> None:
        await self._server.close()


def _content(event: bytes) -> tuple[str, bool, ModelUsage | None]:
    """The text of an event, storable; whether it is the last that has any; and what the reply cost.

    Raises ``ModelUnavailable`` for the server's own error, and what msgspec and json raise.
    """
    try:
        chunk = msgspec.json.decode(event, type=_Chunk)
    except msgspec.DecodeError:
        # Half of a pair of surrogates, as some servers cut them: json takes it, and it is dropped below.
        chunk = msgspec.convert(json.loads(event), type=_Chunk)
    if chunk.error is not None:
        raise ModelUnavailable("broken")
    text, ended = "", False
    for choice in chunk.choices or ():
        if choice.delta is not None and isinstance(choice.delta.content, str):
            text += choice.delta.content.replace("\0", "").encode("utf-8", "ignore").decode()
        ended = ended or choice.finish_reason is not None
    usage = chunk.usage
    if usage is None:
        return text, ended, None
    return text, ended, ModelUsage(_count(usage.prompt_tokens), _count(usage.completion_tokens))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**31 else None


def _unavailable(error: Exception, *, answered: bool) -> ModelUnavailable:
    if isinstance(error, TimeoutError):
        failure = ModelUnavailable("stalled")
    elif isinstance(error, ServerRefused):
        failure = ModelUnavailable("rejected")
    else:
        failure = ModelUnavailable("broken" if answered else "unreachable")
    log.warning(
        "model.failed",
        reason=failure.reason,
        error=type(error).__name__,
        status=getattr(error, "status", None),
    )
    return failure
