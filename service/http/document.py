"""The OpenAPI document that is served: Litestar's outline of the routes, completed.

Bodies are described by msgspec, which decodes and encodes them; errors by ``service.http.failures``. A
handler says with ``opt`` what its signature cannot: ``media_types``, in which it answers besides JSON;
``bodies``, what it reads by itself, by media type; ``errors_as``, the shape of its errors.
"""

import dataclasses
from collections.abc import Iterator
from types import NoneType
from typing import Any, get_args, get_origin

from litestar import Litestar, Response
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg
from litestar.routes import HTTPRoute

from service.http.addressed import complete_parameter
from service.http.described import Described, Json
from service.http.examples import Examples
from service.http.failures import PROBLEM_DETAILS, Shape, failures_of
from service.http.problems import Problem

JSON, FORM = "application/json", "multipart/form-data"
NOISE = {"deprecated": False, "allowEmptyValue": False, "allowReserved": False, "headers": {}}
DOORS = ("creator", "enterprise", "operator")

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

HEADERS: dict[str, tuple[str, Json]] = {
    "X-Request-Id": ("Names the request in the logs; the caller's own, if it sent a plain one.", {}),
    "Retry-After": ("Seconds to wait.", {"type": "integer"}),
    "WWW-Authenticate": ("The scheme by which a credential is sent.", {}),
    "Location": ("Where to go on.", {"type": "string", "format": "uri-reference"}),
    "Zhihao-Billed-Units": ("What the call was billed; a stream's end says it.", {"type": "integer"}),
    "Zhihao-Cap-Remaining": ("Minor units of the cap left this month, or `unlimited`.", {}),
    "RateLimit-Policy": ("Of a key with a limit: `q` calls in `w` seconds.", {}),
    "RateLimit": ("Of a key with a limit: `r` calls left, all again in `t` seconds.", {}),
}
RATE = ("RateLimit-Policy", "RateLimit")
SHARED = 2
"""Errors of so many codes at most are written once, and referred to."""
METERED = ("Zhihao-Billed-Units", "Zhihao-Cap-Remaining", *RATE)
OF_STATUS = {
    303: ("Location",),
    401: ("WWW-Authenticate",),
    429: ("Retry-After", *RATE),
    503: ("Retry-After",),
}


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation of the document, as it is written, and the handler behind it."""

    method: str
    path: str
    handler: HTTPRouteHandler
    written: Json

    @property
    def errors(self) -> Shape:
        shape: Shape = self.handler.opt.get("errors_as", PROBLEM_DETAILS)
        return shape

    def bodies(self) -> Iterator[tuple[Json, Any]]:
        """Each media type that is read, and its type."""
        body = self.handler.parsed_fn_signature.parameters.get("data")
        kinds: dict[str, Any] = dict(self.handler.opt.get("bodies", {}))
        if body is not None and isinstance(body.kwarg_definition, BodyKwarg):
            form = body.kwarg_definition.media_type == RequestEncodingType.MULTI_PART
            kinds = {FORM if form else JSON: body.annotation}
        if not kinds:
            return
        content: Json = {media_type: {} for media_type in kinds}
        optional = body is not None and body.has_default
        self.written["requestBody"] = {"content": content, "required": not optional}
        yield from ((content[media_type], kind) for media_type, kind in kinds.items())

    def answers(self) -> Iterator[tuple[Json, Any]]:
        """Each JSON body of an answer that is no error, and its type."""
        returned = self.handler.parsed_fn_signature.return_type.annotation
        if isinstance(origin := get_origin(returned), type) and issubclass(origin, Response):
            (returned,) = get_args(returned)
        named = {str(status): spec.data_container for status, spec in (self.handler.responses or {}).items()}
        for status, response in self.written["responses"].items():
            kind = named.get(status, returned)
            content = response.get("content", {})
            if JSON not in content:
                continue
            if kind in (Any, bytes, str, NoneType, None) or not _is_described(kind):
                del content[JSON]
                continue
            content[JSON] = {}
            yield content[JSON], kind

    def failures(self) -> dict[int, list[Problem]]:
        return failures_of(self.method, self.path, self.handler)


def _is_described(kind: Any) -> bool:
    return not (isinstance(kind, type) and issubclass(kind, Response))


def document(outline: Json, app: Litestar, *, public_url: str, longest_page: int) -> Json:
    """The outline completed, as JSON's own types. ``longest_page`` is the most that ``limit`` may be."""
    operations = list(_operations(outline, app))
    for operation in operations:
        _drop_errors(operation)
    asked = [slot for operation in operations for slot in operation.bodies()]
    answered = [slot for operation in operations for slot in operation.answers()]
    shapes = {operation.errors.kind: operation.errors for operation in operations}
    described = Described([kind for _, kind in asked], [*(kind for _, kind in answered), *shapes])
    components = outline["components"]
    components["schemas"] = described.components
    components["headers"] = {
        name: {"description": meaning, "schema": schema or {"type": "string"}}
        for name, (meaning, schema) in HEADERS.items()
    }
    components["examples"], components["responses"] = {}, {}
    examples = Examples(described.components)
    schemas = described.schemas()
    for index, (media, _) in enumerate([*asked, *answered]):
        media["schema"] = schemas[index]
        make = examples.request if index < len(asked) else examples.response
        media["example"] = make(schemas[index])
    error_schemas = dict(zip(shapes, schemas[len(asked) + len(answered) :], strict=True))
    for operation in operations:
        _finish(operation, longest_page)
        _write_headers(operation)
        _write_errors(operation, error_schemas[operation.errors.kind], components, public_url)
    return {name: _quiet(part) for name, part in outline.items()}


def operation_id(handler: HTTPRouteHandler, method: Any, path: list[Any]) -> str:
    """``creator_plans_create``: the door, if it is a part of the service's address, module and function."""
    module = handler.fn.__module__.rpartition(".")[2].removesuffix("_out")
    door = [part for part in path[:1] if part in DOORS]
    which = [str(part).replace("-", "_") for part in path[-1:] if len(handler.paths) > 1]
    return "_".join([*door, module, handler.fn.__name__, *which])


def _operations(outline: Json, app: Litestar) -> Iterator[Operation]:
    for route in app.routes:
        written = outline["paths"].get(route.path_format) if isinstance(route, HTTPRoute) else None
        if written is None or not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            for method in handler.http_methods & {each.upper() for each in written}:
                yield Operation(str(method), route.path_format, handler, written[method.lower()])


def _drop_errors(operation: Operation) -> None:
    """But those that the handler itself describes."""
    own = {str(status) for status in operation.handler.responses or {}}
    said = operation.written["responses"].items()
    kept = {status: response for status, response in said if status < "4" or status in own}
    operation.written["responses"] = kept


def _finish(operation: Operation, longest_page: int) -> None:
    written = operation.written
    written["summary"] = operation.handler.fn.__name__.replace("_", " ").capitalize()
    for parameter in written.get("parameters", []):
        _plain_parameter(parameter, longest_page)
    if not written.get("parameters", True):
        del written["parameters"]
    first = next(iter(written["responses"].values()))
    for media_type in operation.handler.opt.get("media_types", ()):
        # OpenAPI 3.1 has no words for the events of a stream: a schema would be taken for each one's.
        text: Json = {} if media_type == "text/event-stream" else {"schema": {"type": "string"}}
        first.setdefault("content", {})[media_type] = text
    for response in written["responses"].values():
        content = response.get("content", {})
        response["content"] = {name.partition(";")[0]: value for name, value in content.items()}
        if not response["content"]:
            del response["content"]


def _plain_parameter(parameter: Json, longest_page: int) -> None:
    """What is left out of an address is absent: there is no null to send."""
    schema = parameter["schema"]
    schema.pop("description", None)
    for several in ("oneOf", "anyOf"):
        if several in schema:
            (given,) = [each for each in schema.pop(several) if each.get("type") != "null"]
            schema |= given | schema
    if isinstance(schema.get("type"), list):
        (schema["type"],) = [each for each in schema["type"] if each != "null"]
    if "enum" in schema:
        schema["enum"] = [each for each in schema["enum"] if each is not None]
    complete_parameter(parameter["name"], schema)
    match parameter["name"]:
        case "limit":
            schema["maximum"] = longest_page
        case "Idempotency-Key":
            schema |= {"minLength": 1, "maxLength": 255, "pattern": r"^[\x20-\x7E]+$"}


def _write_errors(operation: Operation, schema: Json, components: Json, public_url: str) -> None:
    shape = operation.errors
    for status, problems in operation.failures().items():
        if str(status) in operation.written["responses"]:
            continue
        shown: Json = {}
        for problem in problems:
            name = problem.code if shape is PROBLEM_DETAILS else f"{shape.name}_{problem.code}"
            example = {"summary": problem.title, "value": shape.written(problem, public_url)}
            components["examples"].setdefault(name, example)
            shown[problem.code] = {"$ref": f"#/components/examples/{name}"}
        response = {
            "description": f"{MEANINGS[status]} `code`: {', '.join(f'`{each.code}`' for each in problems)}.",
            "headers": _headers(status),
            "content": {shape.media_type: {"schema": schema, "examples": shown}},
        }
        if len(problems) <= SHARED:
            name = ".".join([shape.name, str(status), *(each.code for each in problems)])
            components["responses"].setdefault(name, response)
            response = {"$ref": f"#/components/responses/{name}"}
        operation.written["responses"][str(status)] = response


def _write_headers(operation: Operation) -> None:
    metered = "credential" in operation.handler.parsed_fn_signature.parameters and operation.method == "POST"
    for status, response in operation.written["responses"].items():
        response["headers"] = _headers(int(status), *(METERED if metered and status == "200" else ()))


def _headers(status: int, *more: str) -> Json:
    names = ["X-Request-Id", *OF_STATUS.get(status, ()), *more]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _quiet(part: Any) -> Any:
    """Without what says nothing."""
    if isinstance(part, list):
        return [_quiet(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {name: _quiet(value) for name, value in part.items() if name not in NOISE or value != NOISE[name]}
