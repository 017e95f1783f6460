"""OpenTelemetry: a span around every request, in its caller's trace. It says which route, never whose.

Without an SDK, which is an operator's to install, a span costs microseconds and goes nowhere. Names are those
of the semantic conventions for HTTP servers.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from litestar.types import HTTPScope
from opentelemetry import propagate, trace
from opentelemetry.propagators.textmap import Getter

tracer = trace.get_tracer("zhihao")


class _Headers(Getter[HTTPScope]):
    def get(self, carrier: HTTPScope, key: str) -> list[str] | None:
        name = key.lower().encode()
        return [value.decode("latin-1") for found, value in carrier["headers"] if found == name] or None

    def keys(self, carrier: HTTPScope) -> list[str]:
        return [name.decode("latin-1") for name, _ in carrier["headers"]]


_HEADERS = _Headers()


@contextmanager
def request_span(scope: HTTPScope) -> Iterator[trace.Span]:
    """The span of a request; what is logged meanwhile has its ``trace_id``."""
    around = propagate.extract(scope, getter=_HEADERS)
    attributes = {"http.request.method": scope["method"], "url.scheme": scope["scheme"]}
    with tracer.start_as_current_span(
        scope["method"], around, trace.SpanKind.SERVER, attributes, record_exception=False
    ) as span:
        context = span.get_span_context()
        if context.is_valid:
            structlog.contextvars.bind_contextvars(trace_id=trace.format_trace_id(context.trace_id))
        yield span


def finish(span: trace.Span, *, method: str, route: str | None, status: int) -> None:
    """What is known of a request only when it was answered."""
    if not span.is_recording():
        return
    span.set_attribute("http.response.status_code", status)
    if route:
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
    if status >= 500:
        span.set_status(trace.StatusCode.ERROR)
