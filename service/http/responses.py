"""Turns errors into RFC 9457 problem details, for every route and for no route."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy.exc
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, ExceptionHandlersMap, Receive, Scope, Send

from billing.plans.catalog import PlanFact
from service.accounts.tokens import NotSignedIn
from service.http.keys import KeyCredential
from service.http.login import context_of
from service.http.problems import BY_STATUS, SILENT, Problem, problem_of
from service.usecases.authenticate import is_key_live

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
UNEXPECTED = BY_STATUS[500]

_MISSING = re.compile(r"Missing required (\w+) parameter '(.+?)'")

Pairs = list[tuple[str, str]]


class ProblemError(msgspec.Struct, kw_only=True):
    """One thing wrong with what was sent: a JSON pointer into the body, or a parameter's name."""

    pointer: str
    detail: str


class ProblemDetails(msgspec.Struct, kw_only=True):
    """RFC 9457 problem details: `errors` of `invalid_input`, and `plans` that would open what needs them."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[ProblemError] | msgspec.UnsetType = msgspec.UNSET
    plans: list[PlanFact] | msgspec.UnsetType = msgspec.UNSET


class KeyCheckedResponse(Response[bytes]):
    """An error; on a route for API keys, an unknown or revoked key goes before whatever else was wrong.

    The gate asks that in its own transaction, where a good request ends up. A bad one never gets there.
    """

    def __init__(
        self, content: bytes, *, instead: Callable[["Explanation"], Response[bytes]], **options: Any
    ) -> None:
        super().__init__(content, **options)
        self._instead = instead

    def to_asgi_response(self, request: Request[Any, Any, Any], **kwargs: Any) -> ASGIApp:  # type: ignore[override]  # passes on what it is given
        plain = super().to_asgi_response(request=request, **kwargs)
        credential: KeyCredential | None = request.scope["state"].get("credential")
        if credential is None or self.status_code not in {400, 404, 409, 413, 415}:
            return plain

        async def checked(scope: Scope, receive: Receive, send: Send) -> None:
            told = await self._what_goes_before(request, credential)
            answer = plain
            if told is not None:
                answer = Response.to_asgi_response(self._instead(told), request=request, **kwargs)
            await answer(scope, receive, send)

        return checked

    async def _what_goes_before(
        self, request: Request[Any, Any, Any], credential: KeyCredential
    ) -> "Explanation | None":
        try:
            live = await is_key_live(context_of(request), secret_hash=credential.secret_hash)
        except Exception as error:
            return explain(request, error)  # past the handlers of errors, nobody else would
        return None if live else KEY_REFUSED


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a caller is told of an error, in whatever shape their door has for errors."""

    problem: Problem
    detail: str
    errors: Pairs = field(default_factory=list)
    extensions: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


KEY_REFUSED = Explanation(
    Problem(401, "invalid_api_key", "No valid API key"),
    "This API key is unknown, revoked or expired.",
    headers=NotSignedIn.headers,
)


def problem_response(request: Request[Any, Any, Any], told: Explanation) -> Response[bytes]:
    """The answer to an error, as problem details."""
    problem = told.problem
    details = ProblemDetails(
        type=f"{context_of(request).settings.public_url.rstrip('/')}/problems/{problem.code}",
        title=problem.title,
        status=problem.status,
        detail=told.detail,
        code=problem.code,
        request_id=request.scope["state"].get("request_id", ""),
        errors=[ProblemError(pointer=pointer, detail=text) for pointer, text in told.errors] or msgspec.UNSET,
    )
    return KeyCheckedResponse(
        msgspec.json.encode(msgspec.to_builtins(details) | told.extensions),
        instead=lambda told: problem_response(request, told),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=dict(told.headers),
    )


def explain(request: Request[Any, Any, Any], error: Exception) -> Explanation:
    """What is told of anything raised; what nobody expected is logged whole, and told without a why."""
    if isinstance(error, HTTPException):
        return _explain_framework(request, error)
    problem = problem_of(error)
    if problem is None and isinstance(error, sqlalchemy.exc.DataError) and "NUL" in str(error.orig):
        # The last net under the checks at the doors: text that PostgreSQL cannot hold.
        return Explanation(BY_STATUS[400], "A text must not contain NUL.")
    if problem is None:
        return _unexpected(request, error)
    silent = any(isinstance(error, kind) for kind in SILENT)
    if problem.status >= 500:
        log.warning("request.refused", code=problem.code, error=type(error).__name__)
    detail = problem.title + "." if silent else str(error) or problem.title + "."
    errors = list(getattr(error, "errors", ()))
    if pointer := getattr(error, "pointer", None):
        errors.append((pointer, detail))
    headers = dict(getattr(error, "headers", None) or {})
    if problem.status == 503:
        headers.setdefault("Retry-After", "1")
    return Explanation(problem, detail, errors, getattr(error, "extensions", None) or {}, headers)


def _explain_framework(request: Request[Any, Any, Any], error: HTTPException) -> Explanation:
    if error.status_code >= 500 or error.status_code not in BY_STATUS:
        return _unexpected(request, error)
    problem = BY_STATUS[error.status_code]
    errors = _parameter_errors(error) if problem.status == 400 else []
    details = {
        404: "There is nothing at this address.",
        405: "This address does not take this method.",
        413: "The body is larger than this call takes.",
    }
    detail = details.get(problem.status) or "; ".join(text for _, text in errors) or error.detail
    return Explanation(problem, detail, errors, headers=error.headers or {})


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Explanation:
    log.error("request.failed", route=request.scope.get("path_template"), exc_info=error)
    return Explanation(UNEXPECTED, "The fault is logged; name this request_id when you ask.")


def answer_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What Litestar refuses: no such route or method, a parameter of a wrong type, too large a body."""
    return problem_response(request, explain(request, error))


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What a door, a use case or a room refuses; and what nobody expected."""
    return problem_response(request, explain(request, error))


def _parameter_errors(error: HTTPException) -> Pairs:
    extra = error.extra if isinstance(error.extra, list) else []
    found = [
        (_pointer(item), str(item.get("message", "is not valid"))) for item in extra if isinstance(item, dict)
    ]
    if not found and (missing := _MISSING.match(error.detail)):
        found = [(missing.group(2), "is required")]
    return found


def _pointer(item: dict[str, Any]) -> str:
    key = str(item.get("key", ""))
    if item.get("source") != "body":
        return key.removesuffix("_query")
    steps = [step for step in re.split(r"[.\[\]]", key) if step and step != "data"]
    return "".join(f"/{step}" for step in steps)


EXCEPTION_HANDLERS: ExceptionHandlersMap = {HTTPException: answer_framework, Exception: answer_error}
