"""The OpenAPI document: what each route needs and how it fails, read off the routes themselves."""

from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Server
from litestar.params import BodyKwarg, FromPath
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from service.http.document import document, operation_id
from service.http.documentation import Page, documentation_router
from service.http.problems import BY_STATUS, Problem, all_codes
from service.http.webhooks_document import webhooks
from service.platform.settings import Settings

VERSION = "1"

DESCRIPTION = """
A marketplace of knowledge bases: creators publish, readers subscribe and ask, organizations call by key.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem details; `/problems` lists every `code`.
`Idempotency-Key` is honoured on every POST. Money is integer minor units with a lower-case ISO 4217 code.
"""


def pruned(part: Any) -> Any:
    """The document without defaults that say "absent": Litestar copies them out of dataclasses, and JSON has
    no word for them."""
    if isinstance(part, dict):
        return {name: pruned(value) for name, value in part.items() if value is not msgspec.UNSET}
    return [pruned(value) for value in part] if isinstance(part, list) else part


class _Json(JsonRenderPlugin):
    """Written once: it is as long as a book, and whoever asks for it need not be signed in."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._written: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        if self._written is None:
            self._written = msgspec.json.encode(written(request.app, self._settings))
        return self._written


def written(app: Litestar, settings: Settings) -> dict[str, Any]:
    """The document of ``app``."""
    return document(
        pruned(app.openapi_schema.to_schema()),
        app,
        public_url=settings.public_url,
        longest_page=settings.page_limit_max,
    )


class _Yaml(YamlRenderPlugin):
    """The same bytes, for JSON is YAML too: writing it in YAML's own form took seconds."""

    def __init__(self, json: _Json) -> None:
        super().__init__()
        self._json = json

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return self._json.render(request, openapi_schema)


class Documenting(ReceiveRoutePlugin):
    """Completes each route as it is added: its credential, and the limit of its body.

    A handler that reads a large body by itself says so with ``opt={"upload": True}``.
    """

    def __init__(self, *, max_upload_bytes: int) -> None:
        self._max_upload_bytes = max_upload_bytes

    def receive_route(self, route: BaseRoute) -> None:
        if not isinstance(route, HTTPRoute):
            return
        for handler in route.route_handlers:
            wanted = handler.parsed_fn_signature.parameters
            if _reads_upload(handler):
                handler.request_max_body_size = self._max_upload_bytes
            handler.security = _security(set(wanted))


def _reads_upload(handler: HTTPRouteHandler) -> bool:
    body = handler.parsed_fn_signature.parameters.get("data")
    kind = body.kwarg_definition if body is not None else None
    multipart = isinstance(kind, BodyKwarg) and kind.media_type == RequestEncodingType.MULTI_PART
    return multipart or bool(handler.opt.get("upload"))


def _security(wanted: set[str]) -> list[dict[str, list[str]]] | None:
    if "credential" in wanted:
        return [{"api_key": []}]
    if wanted & {"person", "operator"}:
        return [{"access_token": []}]
    if "visitor" in wanted:
        return [{}, {"access_token": []}]
    return None


@get("/problems", tags=["operations"], sync_to_thread=False)
def list_problems() -> dict[str, Problem]:
    """Every code that an error can have, with its status and title."""
    return all_codes()


@get("/problems/{code:str}", include_in_schema=False, sync_to_thread=False)
def read_problem(code: FromPath[str]) -> Response[Any]:
    """What a problem's `type` points at."""
    problem = all_codes().get(code)
    return Response(problem or BY_STATUS[404], status_code=200 if problem else 404)


def openapi_config(settings: Settings) -> OpenAPIConfig:
    """The document at ``/schema/openapi.json`` and its page at ``/schema``."""
    json = _Json(settings)
    return OpenAPIConfig(
        title="Zhihao",
        version=VERSION,
        description=DESCRIPTION.strip(),
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        use_handler_docstrings=True,
        operation_id_creator=operation_id,
        webhooks=webhooks(),
        servers=[Server(url=settings.public_url.rstrip("/"))],
        render_plugins=[Page(), json, _Yaml(json)],
        openapi_router=documentation_router(),
        components=Components(
            security_schemes={
                "access_token": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    bearer_format="JWT",
                    description="A person's access token, as `/auth/login` gives out.",
                ),
                "api_key": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    description="An organization's API key: `zh_live_…` or `zh_test_…`.",
                ),
            }
        ),
    )
