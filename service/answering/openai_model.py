"""A language model behind any server that speaks OpenAI's chat completions."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from service.answering.model import Message, ModelEvent, ModelUnavailable, ModelUsage
from service.answering.openai_chunks import END, Chunk, EventReader, read_chunk

if TYPE_CHECKING:
    from httpx2 import Response

log = structlog.get_logger(__name__)

CHARACTERS_A_TOKEN = 8
"""More than any tokenizer makes of a text, so that what goes beyond it is a server that ignores the limit."""

DRAIN_SECONDS = 0.1


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
        from openai import AsyncOpenAI, DefaultAioHttpClient

        self._config = config
        self._client: AsyncOpenAI = AsyncOpenAI(
            base_url=config.base_url or None,
            # Local servers want no key, the SDK insists on some.
            api_key=config.api_key or "none",
            timeout=config.total_seconds,
            max_retries=0,
            # At half of what httpx's own transport costs.
            http_client=DefaultAioHttpClient(timeout=config.total_seconds),
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
        response: Response | None = None
        end = asyncio.get_running_loop().time() + self._config.total_seconds
        try:
            async with asyncio.timeout(self._config.idle_seconds):
                response = await self._ask(request)
            async with aclosing(self._told(response, end)) as events:
                async for event in events:
                    yield event
        except ModelUnavailable as failure:
            log.warning("model.failed", reason=failure.reason)
            raise
        except Exception as error:  # whatever a server sends, and however the SDK takes it
            raise _unavailable(error) from error
        finally:
            if response is not None:
                await response.aclose()

    async def _ask(self, request: dict[str, Any]) -> "Response":
        """Sent by the SDK as it sends what it has no method for: what it would make of the answer is not
        waited for, and what is asked is not gone through for types that it does not hold."""
        from httpx2 import Response

        return await self._client.post("/chat/completions", cast_to=Response, body=request, stream=True)

    async def _told(self, response: "Response", end: float) -> AsyncGenerator[ModelEvent, None]:
        """The text as it comes, what came at once in one piece; then its usage."""
        loop = asyncio.get_running_loop()
        idle = loop.time() + self._config.idle_seconds
        room = self._config.max_output_tokens * CHARACTERS_A_TOKEN
        reader, pieces = EventReader(), aiter(response.aiter_bytes())
        finished = done = False
        usage: ModelUsage | None = None
        while not done and room >= 0:
            async with asyncio.timeout_at(min(idle, end)):
                piece = await anext(pieces, None)
            if piece is None:
                break
            text = ""
            for data in reader.feed(piece):
                idle = loop.time() + self._config.idle_seconds
                if done := data.startswith(END):
                    break
                chunk = read_chunk(data)
                text += chunk.text
                finished = finished or chunk.ended
                usage = _usage(chunk) or usage
            room -= len(text)
            if text:
                yield text
        if not finished and room >= 0:
            raise ModelUnavailable("broken")
        if done:
            await _drain(pieces)
        if usage is not None:
            yield usage

    async def close(self) -> None:
        await self._client.close()


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """To the end of the body, if that comes at once: only then is the connection used again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in pieces:
                pass


def _usage(chunk: Chunk) -> ModelUsage | None:
    reported = chunk.usage
    if reported is None:
        return None
    return ModelUsage(_count(reported.prompt_tokens), _count(reported.completion_tokens))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**31 else None


def _unavailable(error: Exception) -> ModelUnavailable:
    from httpx2 import ConnectTimeout, TimeoutException, TransportError
    from openai import APIConnectionError, APIStatusError

    cause = error.__cause__ if isinstance(error, APIConnectionError) else error
    # The transport calls every connection that was not made, or broke, one that took too long.
    if isinstance(cause, ConnectTimeout):
        failure = ModelUnavailable("unreachable")
    elif isinstance(cause, (TimeoutError, TimeoutException)):
        failure = ModelUnavailable("stalled")
    elif isinstance(error, APIStatusError):
        failure = ModelUnavailable("rejected")
    elif isinstance(cause, TransportError):
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
