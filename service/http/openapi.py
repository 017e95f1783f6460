"""The OpenAPI document: what each route needs and how it fails, read off the routes themselves."""

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Server
from litestar.params import BodyKwarg, FromPath
from litestar.plugins import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute

from service.http.documentation import Page, documentation_router
from service.http.problems import BY_STATUS, Problem, all_codes
from service.http.responses import MEDIA_TYPE, ProblemDetails
from service.http.webhooks_document import webhooks

VERSION = "1"

DESCRIPTION = """
A marketplace of knowledge bases: creators publish, readers subscribe and ask, organizations call by key.

Errors are [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457) problem details; `/problems` lists every `code`.
`Idempotency-Key` is honoured on every POST. Money is integer minor units with a lower-case ISO 4217 code.
"""

MEANINGS = {
    400: "What was sent is not valid; `errors` points at it.",
    401: "No credential, or one that is unknown, revoked or expired.",
    402: "Not paid for: `code` says what would open it.",
    403: "Signed in, but not allowed.",
    404: "Not there, or not yours.",
    409: "It does not fit what is there already.",
    413: "The body is too large.",
    415: "The body's format is not read here.",
    429: "Too many requests; see `Retry-After`.",
    500: "A fault of ours, logged under the `request_id`.",
    503: "Something that is needed is away; see `Retry-After`.",
}


def pruned(part: Any) -> Any:
    """The document without defaults that say "absent": Litestar copies them out of dataclasses, and JSON has
    no word for them."""
    if isinstance(part, dict):
        return {name: pruned(value) for name, value in part.items() if value is not msgspec.UNSET}
    return [pruned(value) for value in part] if isinstance(part, list) else part


class _Json(JsonRenderPlugin):
    """Written once: it is as long as a book, and whoever asks for it need not be signed in."""

    _written: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        if self._written is None:
            self._written = msgspec.json.encode(pruned(openapi_schema))
        return self._written


class _Yaml(YamlRenderPlugin):
    """The same bytes, for JSON is YAML too: writing it in YAML's own form took seconds."""

    def __init__(self, json: _Json) -> None:
        super().__init__()
        self._json = json

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return self._json.render(request, openapi_schema)


class Documenting(ReceiveRoutePlugin):
    """Completes each route as it is added: its credential, its problems, the limit of its body.

    A handler that reads a large body by itself says so with ``opt={"upload": True}``; one that takes a
    credential in its body, with ``opt={"signs_in": True}``.
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
            problems = _problems(handler, set(wanted))
            handler.responses = {**problems, **(handler.responses or {})}


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


def _problems(handler: HTTPRouteHandler, wanted: set[str]) -> dict[int, ResponseSpec]:
    statuses = {400, 404, 500, 503}
    if wanted & {"person", "operator", "credential", "visitor"}:
        statuses |= {401, 402, 403, 429}
    if handler.opt.get("signs_in"):
        statuses |= {401, 403}
    if handler.http_methods - {"GET", "HEAD"}:
        statuses |= {409, 413, 415}
    return {
        status: ResponseSpec(
            data_container=ProblemDetails,
            description=MEANINGS[status],
            media_type=MEDIA_TYPE,
            generate_examples=False,
        )
        for status in sorted(statuses)
    }


@get("/problems", tags=["operations"], sync_to_thread=False)
def list_problems() -> dict[str, Problem]:
    """Every code that an error can have, with its status and title."""
    return all_codes()


@get("/problems/{code:str}", include_in_schema=False, sync_to_thread=False)
def read_problem(code: FromPath[str]) -> Response[Any]:
    """What a problem's `type` points at."""
    problem = all_codes().get(code)
    return Response(problem or BY_STATUS[404], status_code=200 if problem else 404)


def openapi_config(public_url: str) -> OpenAPIConfig:
    """The document at ``/schema/openapi.json`` and its page at ``/schema``."""
    json = _Json()
    return OpenAPIConfig(
        title="Zhihao",
        version=VERSION,
        description=DESCRIPTION.strip(),
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        use_handler_docstrings=True,
        webhooks=webhooks(),
        servers=[Server(url=public_url.rstrip("/"))],
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
