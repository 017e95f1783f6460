"""A language model behind any server that speaks OpenAI's chat completions."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from service.answering.model import Message, ModelEvent, ModelUnavailable, ModelUsage

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


class OpenAIModel:
    """A ``Model``. Connections are pooled, so one serves the whole process."""

    def __init__(self, config: ModelConfig) -> None:
        # Imported here because it takes a second and 50 MB that services without a model can spare.
        from openai import AsyncOpenAI

        self._config = config
        self._client: AsyncOpenAI = AsyncOpenAI(
            base_url=config.base_url or None,
            # Local servers want no key, the SDK insists on some.
            api_key=config.api_key or "none",
            timeout=config.total_seconds,
            max_retries=0,
        )
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
        stream: Any = None
        room = self._config.max_output_tokens * CHARACTERS_A_TOKEN
        finished = False
        usage: ModelUsage | None = None
        try:
            async with asyncio.timeout(self._config.idle_seconds):
                stream = await self._client.chat.completions.create(**request)
            chunks = aiter(stream)
            while True:
                async with asyncio.timeout_at(min(loop.time() + self._config.idle_seconds, end)):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    break
                usage = _usage(chunk) or usage
                text, ended = _content(chunk)
                finished = finished or ended
                room -= len(text)
                if text:
                    yield text
                if room < 0:
                    break
            if not finished and room >= 0:
                raise ModelUnavailable("broken")
        except ModelUnavailable:
            raise
        except Exception as error:  # whatever a server sends, and however the SDK takes it
            raise _unavailable(error) from error
        finally:
            if stream is not None:
                await stream.close()
        if usage is not None:
            yield usage

    async def close(self) -> None:
        await self._client.close()


def _content(chunk: Any) -> tuple[str, bool]:
    """The text of a chunk, storable, and whether it is the last that has any."""
    text, ended = "", False
    for choice in chunk.choices or ():
        if choice.delta is not None and isinstance(choice.delta.content, str):
            text += choice.delta.content.replace("\0", "").encode("utf-8", "ignore").decode()
        ended = ended or choice.finish_reason is not None
    return text, ended


def _usage(chunk: Any) -> ModelUsage | None:
    reported = getattr(chunk, "usage", None)
    if reported is None:
        return None
    return ModelUsage(_count(reported.prompt_tokens), _count(reported.completion_tokens))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**31 else None


def _unavailable(error: Exception) -> ModelUnavailable:
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    if isinstance(error, (TimeoutError, APITimeoutError)):
        failure = ModelUnavailable("stalled")
    elif isinstance(error, APIStatusError):
        failure = ModelUnavailable("rejected")
    elif isinstance(error, APIConnectionError):
        failure = ModelUnavailable("unreachable")
    else:
        failure = ModelUnavailable("broken")
    log.warning(
        "model.failed",
        reason=failure.reason,
        error=type(error).__name__,
        status=getattr(error, "status_code", None),
    )
    return failure
