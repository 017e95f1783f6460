"""The HTTP foundation as one piece: what ``service.app`` hands to Litestar."""

from typing import Annotated, Any, TypedDict

from litestar import Request
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.params import HeaderParameter, QueryParameter
from litestar.plugins import PluginProtocol
from litestar.types import ControllerRouterHandler, ExceptionHandlersMap, Guard

from service.http.guard import check_request, find_operator
from service.http.health import live, ready
from service.http.keys import KeyCredential, find_credential
from service.http.login import Person, context_of, find_person, find_visitor
from service.http.metrics import metrics
from service.http.once import find_once
from service.http.openapi import Documenting, list_problems, openapi_config, read_problem
from service.http.paging import PageRequest, page_request, sign_cursors_with
from service.http.responses import EXCEPTION_HANDLERS
from service.platform.idempotency import Once
from service.platform.settings import Settings
from service.usecases.context import Context

HANDLERS: list[ControllerRouterHandler] = [live, ready, metrics, list_problems, read_problem]
"""Routes of the foundation itself, mounted beside the doors."""

AnyRequest = Request[Any, Any, Any]

Limit = Annotated[int | None, QueryParameter(ge=1, description="How many entries at most.")]
Cursor = Annotated[str | None, QueryParameter(description="The `next_cursor` of the page before.")]
Key = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        description="1 to 255 printable ASCII characters: the same key and body, the same answer.",
    ),
]


def provide_context(request: AnyRequest) -> Context:
    return context_of(request)


async def provide_person(request: AnyRequest) -> Person:
    return await find_person(request)


async def provide_operator(request: AnyRequest) -> Person:
    return await find_operator(request)


async def provide_visitor(request: AnyRequest) -> Person | None:
    return await find_visitor(request)


def provide_credential(request: AnyRequest) -> KeyCredential:
    return find_credential(request)


async def provide_once(request: AnyRequest, idempotency_key: Key = None) -> Once | None:
    return await find_once(request)


def provide_page(request: AnyRequest, limit: Limit = None, cursor: Cursor = None) -> PageRequest:
    settings = context_of(request).settings
    return page_request(limit, cursor, default=settings.page_limit_default, maximum=settings.page_limit_max)


DEPENDENCIES: dict[str, Provide] = {
    "context": Provide(provide_context, sync_to_thread=False),
    "person": Provide(provide_person),
    "operator": Provide(provide_operator),
    "visitor": Provide(provide_visitor),
    "credential": Provide(provide_credential, sync_to_thread=False),
    "once": Provide(provide_once),
    "page": Provide(provide_page, sync_to_thread=False),
}


class Options(TypedDict):
    """Keyword arguments of ``Litestar``."""

    dependencies: dict[str, Provide]
    exception_handlers: ExceptionHandlersMap
    guards: list[Guard]
    plugins: list[PluginProtocol]
    openapi_config: OpenAPIConfig
    request_max_body_size: int
    debug: bool
    logging_config: None


def litestar_options(settings: Settings) -> Options:
    """``Litestar(route_handlers=[*HANDLERS, ...], state=..., **litestar_options(settings))``, then
    ``service.http.envelope.enclose`` around it."""
    sign_cursors_with(settings.secret_key.get_secret_value())
    return Options(
        dependencies=DEPENDENCIES,
        exception_handlers=EXCEPTION_HANDLERS,
        guards=[check_request],
        plugins=[Documenting(max_upload_bytes=settings.max_upload_bytes)],
        openapi_config=openapi_config(settings),
        request_max_body_size=settings.max_body_bytes,
        debug=False,
        logging_config=None,
    )
