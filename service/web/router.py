"""Door 5: pages people look at. What goes wrong here is told as a page too."""

import structlog
from litestar import Response, Router
from litestar.exceptions import HTTPException, NotFoundException

from service.http.problems import BY_STATUS, Problem, problem_of
from service.http.responses import answer_framework
from service.web import documents, feeds, letters, pages, receipts
from service.web.pages import NoSuchPage
from service.web.rendering import AnyRequest, page

log = structlog.get_logger(__name__)

NOTICES = {402: "closed", 404: "missing", 503: "unavailable"}


def answer_error(request: AnyRequest, error: Exception) -> Response[str] | Response[bytes]:
    """The page for an error, with the status the table of problems gives it.

    A program that asks for an address of no page gets the problem that every other such address answers.
    """
    if isinstance(error, NoSuchPage) and "text/html" not in request.headers.get("accept", ""):
        return answer_framework(request, NotFoundException())
    if isinstance(error, HTTPException):
        problem = BY_STATUS.get(error.status_code, BY_STATUS[500])
    else:
        problem = problem_of(error) or BY_STATUS[500]
    if problem is BY_STATUS[500]:
        log.error("page.failed", route=request.scope.get("path_template"), exc_info=error)
    return _notice(request, problem, error)


def _notice(request: AnyRequest, problem: Problem, error: Exception) -> Response[str]:
    name = NOTICES.get(problem.status, "bad" if problem.status < 500 else "unavailable")
    extensions = getattr(error, "extensions", None) or {}
    return page(
        request,
        "notice.html",
        status=problem.status,
        title=name,
        text=f"{name}_text",
        plans=list(extensions.get("plans", ())),
        slug=request.path_params.get("slug"),
    )


router = Router(
    path="/",
    route_handlers=[
        *pages.handlers,
        *documents.handlers,
        *feeds.handlers,
        *receipts.handlers,
        *letters.handlers,
    ],
    exception_handlers={Exception: answer_error, HTTPException: answer_error},
    include_in_schema=False,
)
