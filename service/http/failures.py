"""How each operation can fail: what its handler asks for, and what the table beside this file says.

``failures.txt`` names, for each operation, the codes of the errors that its use case can raise. It is read
off the source: ``python -m tests.architecture.failing`` writes it, and a test compares.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from service.http.problems import BY_STATUS, Problem, all_codes
from service.http.responses import MEDIA_TYPE, ProblemDetails

TABLE = Path(__file__).with_name("failures.txt")
ANYBODY = frozenset({"person", "operator", "visitor"})
EXAMPLE_REQUEST = "0199a5a0-5f0e-7c6e-8f59-4b1d7c1f2a02"
MEMBERS: dict[str, Any] = {
    "invalid_input": {"errors": [{"pointer": "/title", "detail": "Expected `str`, got `int`"}]},
    "entitlement_required": {
        "plans": [
            {
                "id": "0199a5a2-77de-7a01-8c4b-2d9e0f3a6b11",
                "knowledge_base_id": "0199a5a1-3c44-7d12-9a0e-6f2b8c1d4e50",
                "interval": "month",
                "days": None,
                "price": {"amount": 990, "currency": "cny"},
                "trial_days": 7,
                "status": "active",
                "created_at": "2026-11-21T08:30:00Z",
            }
        ]
    },
}
"""What the examples of some problems have besides."""


@dataclass(frozen=True)
class Shape:
    """How a door writes its errors: by a name, in a media type, as a type, each problem as such a body."""

    name: str
    media_type: str
    kind: type
    written: Callable[[Problem, str], Any]


def _written(problem: Problem, public_url: str) -> Any:
    details = ProblemDetails(
        type=f"{public_url.rstrip('/')}/problems/{problem.code}",
        title=problem.title,
        status=problem.status,
        detail=f"{problem.title}.",
        code=problem.code,
        request_id=EXAMPLE_REQUEST,
    )
    return msgspec.to_builtins(details) | MEMBERS.get(problem.code, {})


PROBLEM_DETAILS = Shape("problem", MEDIA_TYPE, ProblemDetails, _written)


@cache
def table() -> dict[str, tuple[str, ...]]:
    """By method and path: ``POST /auth/login``."""
    lines = (line.partition(" | ") for line in TABLE.read_text().splitlines() if " | " in line)
    return {operation.strip(): tuple(codes.split()) for operation, _, codes in lines}


def failures_of(method: str, path: str, handler: HTTPRouteHandler) -> dict[int, list[Problem]]:
    """The problems that this operation can answer, by status, each code once."""
    known = all_codes()
    codes = {*usual_codes(path, handler), *table().get(f"{method} {path}", ())}
    found: dict[int, list[Problem]] = {}
    for problem in sorted((known[code] for code in codes), key=lambda each: (each.status, each.code)):
        found.setdefault(problem.status, []).append(problem)
    return found


def usual_codes(path: str, handler: HTTPRouteHandler) -> Iterator[str]:
    """What is refused before the handler is reached, by the names it asks for; and what no handler can help:
    a database that is away, a fault of ours."""
    wanted = set(handler.parsed_fn_signature.parameters)
    yield from (BY_STATUS[400].code, BY_STATUS[500].code)
    if "{" in path:
        yield BY_STATUS[404].code
    if wanted & ANYBODY:
        yield "unauthenticated"
    if "credential" in wanted:
        yield "invalid_api_key"
    if "operator" in wanted:
        yield "operator_only"
    if wanted & {"context", "credential", *ANYBODY}:
        yield from ("overloaded", "unavailable")
    if "once" in wanted:
        yield from ("idempotency_conflict", "idempotency_in_progress")
    if wanted & {"data", "once"} or handler.opt.get("bodies"):
        yield BY_STATUS[413].code
    if "data" in wanted:
        yield BY_STATUS[415].code
