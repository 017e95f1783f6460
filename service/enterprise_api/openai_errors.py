"""Errors in OpenAI's shape, from the one table of problems."""

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandler, ExceptionHandlersMap

from service.enterprise_api.openai_schemas import ErrorBody, ErrorDetail
from service.http.asking import AnyRequest
from service.http.failures import Shape
from service.http.problems import Problem
from service.http.responses import Explanation, KeyCheckedResponse, explain

KINDS = {402: "insufficient_quota", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
CODES = {"knowledge_base_not_found": "model_not_found", "rate_limited": "rate_limit_exceeded"}
MISSING_MODEL = "The model does not exist, or this key has no access to it. Models are named kb/<slug>."


def detail_of(told: Explanation) -> ErrorDetail:
    """What OpenAI's clients make their own exceptions of."""
    code = CODES.get(told.problem.code, told.problem.code)
    missing = code == "model_not_found"
    pointer = told.errors[0][0] if told.errors else ""
    named = f"{pointer.strip('/').replace('/', '.')}: {told.detail}" if pointer else told.detail
    return ErrorDetail(
        message=MISSING_MODEL if missing else named,
        type=KINDS.get(told.problem.status, "invalid_request_error"),
        param="model" if missing else pointer.strip("/").replace("/", ".") or None,
        code="invalid_api_key" if told.problem.status == 401 else code,
    )


def error_response(told: Explanation) -> Response[bytes]:
    """The answer to an error."""
    return KeyCheckedResponse(
        msgspec.json.encode(ErrorBody(error=detail_of(told))),
        instead=error_response,
        status_code=told.problem.status,
        media_type="application/json",
        headers=dict(told.headers),
    )


def answer_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Anything raised on the way to an answer."""
    return error_response(explain(request, error))


EXCEPTION_HANDLERS: ExceptionHandlersMap = {HTTPException: answer_error, Exception: answer_error}

ADDRESS = "/openai/v1"


def handlers_of_all(handlers: ExceptionHandlersMap) -> ExceptionHandlersMap:
    """The application's own, but below this door's address also what no route of it takes, an unknown address
    or method, is told in OpenAI's shape."""

    def placed(handler: "ExceptionHandler[Exception]") -> "ExceptionHandler[Exception]":
        def answer(request: AnyRequest, error: Exception) -> Response[bytes]:
            within = request.scope["path"].startswith(f"{ADDRESS}/")
            answered: Response[bytes] = (answer_error if within else handler)(request, error)
            return answered

        return answer

    return {kind: placed(handler) for kind, handler in handlers.items()}


def _written(problem: Problem, public_url: str) -> object:
    told = Explanation(problem, f"{problem.title}.")
    return msgspec.to_builtins(ErrorBody(error=detail_of(told)))


OPENAI_ERRORS = Shape("openai", "application/json", ErrorBody, _written)
"""For the document: how errors are answered here."""
