"""What surrounds every request, also one that meets no route: its id, security headers, its measure."""

import re
import time
from typing import Any

import structlog
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from service.http.metrics import observe
from service.http.tracing import finish, request_span
from service.platform.ids import new_id

log = structlog.get_logger(__name__)

REQUEST_ID = b"x-request-id"
_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")

HEADERS: dict[bytes, bytes] = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"strict-origin-when-cross-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    b"cache-control": b"no-store",
}
"""Sent unless the answer has its own: pages loosen what they must, and say so where they do."""


class Envelope:
    """An ASGI application around another."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if https:
            self._headers[b"strict-transport-security"] = b"max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        request_id = _request_id(scope)
        # A dict of the request's own, whatever the server did: who is signed in is remembered in it.
        scope["state"] = {**scope["state"], "request_id": request_id}
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._completed(message["headers"], request_id)
            await send(message)

        with request_span(scope) as span:
            try:
                await self._app(scope, receive, sent)
            finally:
                seconds = time.perf_counter() - started
                route = scope.get("path_template")
                # 499: nobody was there any more to be answered.
                observe(scope["method"], route, status or 499, seconds)
                finish(span, method=scope["method"], route=route, status=status or 499)
                log.debug(
                    "request.served",
                    method=scope["method"],
                    route=route,
                    status=status,
                    seconds=round(seconds, 4),
                )

    def _completed(self, headers: Any, request_id: str) -> list[tuple[bytes, bytes]]:
        present = [(name.lower(), value) for name, value in headers]
        names = {name for name, _ in present}
        missing = [(name, value) for name, value in self._headers.items() if name not in names]
        return [*present, *missing, (REQUEST_ID, request_id.encode())]


def _request_id(scope: HTTPScope) -> str:
    """The caller's own, when it is a plain one, so that one id runs through both logs; else a new one."""
    offered = next((value for name, value in scope["headers"] if name == REQUEST_ID), b"")
    return offered.decode() if _ACCEPTED_ID.fullmatch(offered) else str(new_id())


def enclose(app: Litestar, *, https: bool) -> Litestar:
    """Puts the envelope around everything ``app`` answers, its own 404s and 500s too."""
    app.asgi_handler = Envelope(app.asgi_handler, https=https)
    return app
