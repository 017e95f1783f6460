"""Writes the table of how each operation can fail: ``python -m tests.architecture.failing``."""

import inspect
from functools import cache

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from service.access.admission import REFUSALS, EntitlementRequired, KeyRejected, KnowledgeBaseUnavailable
from service.accounts.organizations import OrganizationNotFound, RoleMissing
from service.answering.conversations import ConversationNotFound
from service.app import build_app
from service.http import webhooks_out
from service.http.failures import TABLE, usual_codes
from service.platform.idempotency import IdempotencyConflict, IdempotencyInProgress
from service.platform.settings import Settings
from tests.architecture.raising import errors_of, problem_of_kind

HEADING = """\
What each operation can fail with, beside what service/http/failures.py says of all.
Written by: python -m tests.architecture.failing

"""
OF_ACCOUNTS = frozenset({EntitlementRequired, ConversationNotFound})
OF_KEYS = frozenset(REFUSALS) - OF_ACCOUNTS - {KnowledgeBaseUnavailable}
"""What the gate and the answers refuse to one sort of caller alone."""
OF_ONCE = frozenset({IdempotencyConflict, IdempotencyInProgress})
OF_ORGANIZATIONS = frozenset({OrganizationNotFound, RoleMissing})


@cache
def every_door() -> Litestar:
    """The application, to be read and not run."""
    return build_app(Settings())


def table() -> str:
    """``service/http/failures.txt`` as it must be."""
    lines = []
    for route in every_door().routes:
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else ():
            if not handler.resolve_include_in_schema():
                continue
            path = route.path_format
            codes = " ".join(sorted(_codes(path, handler) - set(usual_codes(path, handler))))
            for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
                lines.append(f"{method} {path} | {codes}".rstrip(" |"))
    return HEADING + "".join(f"{line}\n" for line in sorted(lines) if "|" in line)


def _codes(path: str, handler: HTTPRouteHandler) -> set[str]:
    wanted = handler.parsed_fn_signature.parameters
    found = errors_of(inspect.unwrap(handler.fn))
    if KeyRejected in found:
        found -= OF_ACCOUNTS if "credential" in wanted else OF_KEYS
    if "once" not in wanted:
        found -= OF_ONCE
    if handler.fn.__module__ == webhooks_out.__name__ and "organization_id" not in path:
        found -= OF_ORGANIZATIONS
    return {problem.code for kind in found if (problem := problem_of_kind(kind)) is not None}


if __name__ == "__main__":
    TABLE.write_text(table())
