"""What the doors that take questions have in common: their limits, their headers, their stream."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Stream
from litestar.types import ASGIApp, Receive, Scope, Send

from billing.metering.counters import Pace
from service.access.admission import rate_headers
from service.answering.answers import AnswerFact
from service.http.inputs import InvalidInput
from service.http.login import context_of
from service.http.problems import BY_STATUS, SILENT, problem_of
from service.http.responses import ProblemDetails
from service.usecases.ask_question import Reply
from service.usecases.running_answer import Cited, Delta, Done, Event, Failed, Meta

log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]

EVENT_STREAM = "text/event-stream"
BILLED_UNITS = "Zhihao-Billed-Units"
CAP_REMAINING = "Zhihao-Cap-Remaining"

STREAMED: dict[str, Any] = {
    "opt": {"media_types": (EVENT_STREAM,)},
    "responses": {
        200: ResponseSpec(
            data_container=AnswerFact,
            description="The answer; with `Accept: text/event-stream` the events `meta`, `delta`, `citation` "
            "and `done` with the answer, or `error` with a problem.",
            generate_examples=False,
        )
    },
}
"""What a route says that answers with ``answered``."""


def checked_text(text: str, pointer: str, *, longest: int) -> str:
    """The text without white space around it. Raises ``InvalidInput`` when it is empty or too long."""
    stripped = text.strip()
    if not stripped:
        raise InvalidInput((pointer, "must not be empty"))
    if len(stripped) > longest:
        raise InvalidInput((pointer, f"must be at most {longest} characters"))
    return stripped


def checked_ids(ids: Sequence[UUID], pointer: str, *, most: int) -> tuple[UUID, ...]:
    """Raises ``InvalidInput`` when there are none, too many, or one twice."""
    if not 1 <= len(ids) <= most:
        raise InvalidInput((pointer, f"must name 1 to {most}"))
    seen: set[UUID] = set()
    for index, given in enumerate(ids):
        if given in seen:
            raise InvalidInput((f"{pointer}/{index}", "is named twice"))
        seen.add(given)
    return tuple(ids)


def wants_stream(request: AnyRequest) -> bool:
    return EVENT_STREAM in request.headers.get("accept", "").lower()


def metering_headers(
    cap_remaining: int | None, billed_units: int | None = None, *, pace: Pace | None = None
) -> dict[str, str]:
    """Minor units of the cap that are left, or ``unlimited``; units are known once a call is settled; and
    what is left of the key's calls a minute, if it has a limit."""
    headers = {CAP_REMAINING: "unlimited" if cap_remaining is None else str(cap_remaining)}
    if pace is not None:
        headers |= rate_headers(pace)
    return headers if billed_units is None else headers | {BILLED_UNITS: str(billed_units)}


class AnswerStream(Stream):
    """A reply as server-sent events, ``encoded`` by its door. However the response ends, the reply learns
    that its reader is gone."""

    def __init__(
        self, encoded: AsyncIterator[bytes], reply: Reply, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(
            encoded,
            media_type=EVENT_STREAM,
            headers={"cache-control": "no-store", "x-accel-buffering": "no"} | (headers or {}),
            status_code=200,
        )
        self._leave = reply.leave

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> ASGIApp:  # type: ignore[override]  # passes on what it is given
        plain = super().to_asgi_response(*args, **kwargs)

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await plain(scope, receive, send)
            finally:
                self._leave()

        return served


async def answered(
    request: AnyRequest, reply: Reply, *, streamed: bool, metered: bool
) -> Response[AnswerFact]:
    """The reply as a stream or as one body."""
    if streamed:
        headers = metering_headers(reply.cap_remaining, pace=reply.pace) if metered else None
        stream: Response[Any] = AnswerStream(_encoded(request, reply), reply, headers=headers)
        return stream
    kept = await reply.whole()
    fact = kept.answer
    headers = None
    if metered:
        headers = metering_headers(kept.cap_remaining, fact.usage.billed_units, pace=reply.pace)
    return Response(fact, media_type=MediaType.JSON, headers=headers, status_code=200)


async def _encoded(request: AnyRequest, reply: Reply) -> AsyncIterator[bytes]:
    async for event in kept_alive(reply.events(), context_of(request).settings.stream_keep_alive_seconds):
        if event is None:
            yield b": waiting\n\n"
            continue
        name, data = _named(request, event)
        yield b"event: %b\ndata: %b\n\n" % (name.encode(), msgspec.json.encode(data))


async def kept_alive(events: AsyncIterator[Event], seconds: float) -> AsyncIterator[Event | None]:
    """The events, and ``None`` each time none came for so long: proxies close what is silent."""
    coming: asyncio.Future[Event] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait([coming], timeout=seconds)
            if not done:
                yield None
                continue
            try:
                event = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield event
    finally:
        if coming is not None:
            coming.cancel()


def _named(request: AnyRequest, event: Event) -> tuple[str, object]:
    match event:
        case Meta():
            return "meta", event
        case Delta():
            return "delta", event
        case Cited():
            return "citation", event.citation
        case Done():
            return "done", event.kept.answer
        case Failed():
            return "error", _problem(request, event.error)


def _problem(request: AnyRequest, error: Exception) -> ProblemDetails:
    problem = problem_of(error)
    if problem is None:
        log.error("stream.failed", exc_info=error)
        problem = BY_STATUS[500]
    silent = problem.status == 500 or any(isinstance(error, kind) for kind in SILENT)
    return ProblemDetails(
        type=f"{context_of(request).settings.public_url.rstrip('/')}/problems/{problem.code}",
        title=problem.title,
        status=problem.status,
        detail=problem.title + "." if silent else str(error),
        code=problem.code,
        request_id=request.scope["state"].get("request_id", ""),
    )
