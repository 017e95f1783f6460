"""``/v1`` and ``/v2``: who asks, what they ask, one transaction, one answer."""

import asyncio
import base64
import binascii
import json
import logging
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from billing.sandbox import forms
from billing.sandbox.config import API_VERSION
from billing.sandbox.errors import ApiError, invalid
from billing.sandbox.expand import expand
from billing.sandbox.faults import Cut, Fate
from billing.sandbox.foreign import PRIVATE, adapt, is_foreign
from billing.sandbox.idempotency import Kept, fingerprint, keep, recall
from billing.sandbox.routes import Call, Route, match
from billing.sandbox.runtime import Runtime
from billing.sandbox.shape import Body, new_id, public
from billing.sandbox.store import Origin, Store

log = logging.getLogger(__name__)


async def answer(request: Request) -> Response:
    """Every request of the API. Errors are Stripe's shape; each answer carries its ``Request-Id``."""
    runtime: Runtime = request.app.state.runtime
    fate, status, body = Fate(), 500, Body()
    headers = {"Request-Id": new_id("req", 14), "Stripe-Version": API_VERSION}
    key = request.headers.get("idempotency-key")
    if key:
        headers["Idempotency-Key"] = key
    try:
        fate = runtime.faults.strike()
        _authenticate(request)
        route, ids = _route(request)
        raw = adapt(request, await _raw(request))
        kept = await _perform(runtime, request, route, ids, raw, headers, fate)
        status, body = kept.status, kept.body
        if kept.request_id != headers["Request-Id"]:
            headers["Idempotent-Replayed"] = "true"
            headers["Original-Request"] = kept.request_id
    except Cut as cut:
        fate = Fate(cut=True, wait=cut.wait)
    except ApiError as error:
        status, body = error.status, {"error": public(error.body)}
    except Exception:  # a fault of the sandbox's own must still be an answer that the SDK can read
        log.exception("request.failed %s %s", request.method, request.url.path)
        status, body = 500, {"error": {"type": "api_error", "message": "The sandbox failed; see its log."}}
    runtime.deliver_soon()
    if fate.wait:
        await asyncio.sleep(fate.wait)
    return Broken() if fate.cut else JSONResponse(body, status, headers)


class Broken(Response):
    """Less than it promises: the server then ends the connection, and the caller knows nothing."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def _perform(
    runtime: Runtime,
    request: Request,
    route: Route,
    ids: dict[str, str],
    raw: Body,
    headers: dict[str, str],
    fate: Fate,
) -> Kept:
    origin = Origin(headers["Request-Id"], headers.get("Idempotency-Key"))
    account = request.headers.get("stripe-account", "")
    writes = route.method != "GET"
    key = origin.idempotency_key if writes else None
    asked = fingerprint(route.method, request.url.path, raw)
    async with runtime.work(account, origin, writes=writes) as store:
        if account and await runtime.platform(store).find(account, "account") is None:
            raise ApiError(403, f"No access to account '{account}'.", code="account_invalid")
        if key and (kept := await recall(store, key, asked)):
            return kept
        paged = request.url.path.startswith("/v2/") and "page" in raw
        page = str(raw.pop("page")) if paged else None
        params = route.read(raw)
        try:
            if fate.server_error:  # its idempotency key remembers it
                raise ApiError(500, "An unknown error occurred.", type="api_error", executed=True)
            body = await _handle(store, Call(store, params, ids, request.url.path, page), route)
            kept = Kept(200, body, headers["Request-Id"])
        except ApiError as error:
            if not error.executed:
                raise
            kept = Kept(error.status, {"error": public(error.body)}, headers["Request-Id"])
        if key:
            await keep(store, key, asked, kept)
        return kept


async def _handle(store: Store, call: Call, route: Route) -> Body:
    """Does the work in a savepoint; a refusal that ``keeps_work`` leaves what it wrote."""
    refusal: ApiError | None = None
    async with store.connection.transaction():
        try:
            body = await route.handler(call)
        except ApiError as error:
            if not error.keeps_work:
                raise
            refusal = error
    if refusal is not None:
        raise refusal
    expanded: Body = public(await expand(store, body, call.params.get("expand", [])))
    return expanded


def _route(request: Request) -> tuple[Route, dict[str, str]]:
    found = match(request.method, request.url.path)
    if found is None or (request.url.path.startswith(PRIVATE) and not is_foreign(request)):
        raise ApiError(
            404,
            f"Unrecognized request URL ({request.method}: {request.url.path}): the sandbox does not have it.",
        )
    return found


async def _raw(request: Request) -> Body:
    """The parameters as sent: form-encoded for v1, JSON for v2; the query for what has no body."""
    version = request.headers.get("stripe-version", API_VERSION)
    if version != API_VERSION and not is_foreign(request):
        raise invalid(f"The sandbox speaks {API_VERSION} only, not {version}.")
    query = forms.parse(request.url.query)
    if request.method == "GET":
        return query
    sent = await request.body()
    try:
        text = sent.decode()
        if not request.url.path.startswith("/v2/"):
            return {**query, **forms.parse(text)}
        decoded: Any = json.loads(text or "{}")
    except ValueError as error:
        raise invalid("The body cannot be read.") from error
    if not isinstance(decoded, dict):
        raise invalid("The body must be an object.")
    return decoded


def _authenticate(request: Request) -> None:
    """Takes any test key. Raises ``ApiError`` 401: no key, an odd one, or a live one."""
    kind, _, credential = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            credential = base64.b64decode(credential).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            credential = ""
    if not credential:
        raise ApiError(401, "You did not provide an API key.")
    if "_live_" in credential:
        raise ApiError(401, "This is a sandbox: it refuses live keys. Use a key that starts with sk_test_.")
    if not credential.startswith(("sk_test_", "rk_test_", "mes_test_")):
        raise ApiError(401, f"Invalid API Key provided: {credential[:8]}…")
