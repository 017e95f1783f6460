"""Each request is a span in its caller's trace, and its log says which trace that is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import structlog
from litestar import Litestar, get
from litestar.openapi import OpenAPIConfig
from litestar.params import FromPath
from opentelemetry import trace

from service.http import tracing
from service.http.envelope import enclose

CALLER = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"traceparent": f"00-{CALLER}-00f067aa0ba902b7-01"}


class Recorded(trace.NonRecordingSpan):
    """What a span was told."""

    def __init__(self, name: str, context: trace.SpanContext, attributes: dict[str, Any]) -> None:
        super().__init__(context)
        self.name, self.attributes, self.status = name, attributes, trace.StatusCode.UNSET

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def update_name(self, name: str) -> None:
        self.name = name

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.status = status


class Recorder:
    """A tracer that keeps its spans."""

    def __init__(self) -> None:
        self.spans: list[Recorded] = []

    @contextmanager
    def start_as_current_span(
        self, name: str, context: Any = None, kind: Any = None, attributes: Any = None, **_: Any
    ) -> Iterator[Recorded]:
        assert kind is trace.SpanKind.SERVER
        parent = trace.get_current_span(context).get_span_context()
        span = Recorded(name, parent, dict(attributes))
        self.spans.append(span)
        with trace.use_span(span):
            yield span


@get("/things/{thing_id:int}")
async def thing(thing_id: FromPath[int]) -> dict[str, Any]:
    return structlog.contextvars.get_contextvars()


@get("/broken")
async def broken() -> None:
    raise RuntimeError("no")


async def asked(path: str, **headers: str) -> httpx.Response:
    app = enclose(Litestar([thing, broken], openapi_config=OpenAPIConfig("t", "1")), https=False)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # Litestar types its scope more narrowly
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path, headers=headers)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    recorder = Recorder()
    monkeypatch.setattr(tracing, "tracer", recorder)
    return recorder.spans


async def test_a_request_is_a_span_of_its_callers_trace(spans: list[Recorded]) -> None:
    answer = await asked("/things/7?secret=swordfish", **HEADERS)
    (span,) = spans
    assert span.name == "GET /things/{thing_id}"
    assert span.attributes == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/things/{thing_id}",
        "http.response.status_code": 200,
    }
    assert trace.format_trace_id(span.get_span_context().trace_id) == CALLER
    assert answer.json()["trace_id"] == CALLER


async def test_a_fault_marks_the_span_and_a_wrong_address_does_not(spans: list[Recorded]) -> None:
    await asked("/broken")
    await asked("/nowhere/at/all")
    assert [span.status for span in spans] == [trace.StatusCode.ERROR, trace.StatusCode.UNSET]
    assert [span.attributes["http.response.status_code"] for span in spans] == [500, 404]
    assert spans[1].name == "GET"


async def test_without_an_sdk_nothing_is_recorded_and_no_trace_is_named() -> None:
    assert "trace_id" not in (await asked("/things/7")).json()
