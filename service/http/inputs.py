"""Reading what was sent, strictly and before any handler: JSON, forms, addresses.

What passes here is text that a database can store (no NUL, no lone surrogate), whole numbers of 64 bits, of
the handler's own types without coercion. What does not is 400 with a pointer to it.
"""

import dataclasses
import re
from types import NoneType
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.enums import RequestEncodingType
from litestar.exceptions import SerializationException
from litestar.handlers import HTTPRouteHandler
from litestar.handlers.base import BaseRouteHandler
from litestar.params import BodyKwarg, QueryParameter

MAX_DEPTH = 64
SMALLEST, LARGEST = -(2**63), 2**63 - 1

_PATH = re.compile(r" - at `\$(.*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
_FIELD = re.compile(r"(?:unknown|required) field `(.+?)`")


class InvalidInput(Exception):
    """What was sent is not what this call takes. ``errors`` holds pairs of a pointer and a sentence."""

    def __init__(self, *errors: tuple[str, str], detail: str | None = None) -> None:
        super().__init__(detail or "; ".join(sentence for _, sentence in errors))
        self.errors = errors


class UnsupportedMediaType(Exception):
    """The body is not in a format that this call reads."""


class UnreadableAddress(Exception):
    """The path holds what no address of this service holds."""


async def read_input(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Decodes and checks the request's address and body; handlers find the body decoded.

    Raises ``UnreadableAddress``, ``UnsupportedMediaType``, ``InvalidInput``, and Litestar's 413.
    """
    if not is_storable(connection.scope["path"]):
        raise UnreadableAddress("There is nothing at this address.")
    for name, value in connection.query_params.multi_items():
        if not is_storable(name) or not is_storable(value):
            raise InvalidInput((name.encode("ascii", "replace").decode(), "must be plain text without NUL"))
        if value.lower() == "null" and name in _not_texts(handler):
            raise InvalidInput((name, "must not be null; leave it out"))
    if not isinstance(connection, Request) or not isinstance(handler, HTTPRouteHandler):
        return
    body = handler.parsed_fn_signature.parameters.get("data")
    if body is None or not isinstance(body.kwarg_definition, BodyKwarg):
        return
    sent = connection.content_type[0]
    match body.kwarg_definition.media_type:
        case RequestEncodingType.JSON:
            if sent and sent != "application/json" and not sent.endswith("+json"):
                raise UnsupportedMediaType("This call reads application/json.")
            await read_json(connection, body.annotation)
        case RequestEncodingType.MULTI_PART:
            if sent != RequestEncodingType.MULTI_PART:
                raise UnsupportedMediaType("This call reads multipart/form-data.")
            await read_form(connection, body.annotation)


def _not_texts(handler: BaseRouteHandler) -> set[str]:
    """Query parameters, of the handler and of ``page``, in which the word `null` would pass for nothing."""
    found = {"limit"}
    for name, field in handler.parsed_fn_signature.parameters.items():
        given = field.kwarg_definition
        if isinstance(given, QueryParameter) and NoneType in field.args and str not in field.args:
            found.add(given.name or name)
    return found


async def read_json(request: Request[Any, Any, Any], kind: Any = Any) -> None:
    """Decodes the JSON body, strictly as ``kind``. An empty body is left to the handler's default."""
    if not await request.body():
        return
    try:
        decoded = await request.json()
    except (SerializationException, UnicodeDecodeError, RecursionError) as error:
        reason = str(error) if isinstance(error, SerializationException) else "it is not UTF-8 or too deep"
        raise InvalidInput(("", "The body is not valid JSON: " + reason)) from None
    check_values(decoded)
    try:
        msgspec.convert(decoded, kind, strict=True, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise InvalidInput(explained(str(error))) from None


async def read_form(request: Request[Any, Any, Any], kind: Any = None) -> None:
    """Parses the multipart body and checks its texts and file names; and its fields, of a dataclass."""
    try:
        form = await request.form()
    except (UnicodeDecodeError, LookupError, ValueError):
        raise InvalidInput(("", "The body is not valid multipart/form-data.")) from None
    try:
        _check_form(form, kind)
    except InvalidInput:
        await form.close()
        raise


def _check_form(form: FormMultiDict, kind: Any) -> None:
    for name, value in form.multi_items():
        said = value.filename if isinstance(value, UploadFile) else value
        if not is_storable(name) or (isinstance(said, str) and not is_storable(said)):
            raise InvalidInput((f"/{_escaped(name)}", "must be plain text without NUL"))
    if not dataclasses.is_dataclass(kind):
        return
    fields = {field.name: field for field in dataclasses.fields(kind)}
    wrong = [(f"/{_escaped(name)}", "is not a field of this form") for name in form if name not in fields]
    for name, field in fields.items():
        is_file = field.type is UploadFile
        if name not in form and field.default is dataclasses.MISSING:
            wrong.append((f"/{name}", "is required"))
        if name in form and isinstance(form[name], UploadFile) is not is_file:
            wrong.append((f"/{name}", "must be a file" if is_file else "must be text"))
    if wrong:
        raise InvalidInput(*wrong)


def check_values(value: Any, pointer: str = "", depth: int = 0) -> None:
    """Refuses, anywhere in decoded JSON, what could be decoded but not kept. Raises ``InvalidInput``."""
    if depth > MAX_DEPTH:
        raise InvalidInput((pointer[:200], f"is nested deeper than {MAX_DEPTH} levels"))
    if isinstance(value, str):
        if not is_storable(value):
            raise InvalidInput((pointer, "must be Unicode text without NUL"))
    elif isinstance(value, int):
        if not SMALLEST <= value <= LARGEST:
            raise InvalidInput((pointer, "is beyond 64 bits"))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_values(item, f"{pointer}/{index}", depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if not is_storable(name):
                raise InvalidInput((pointer, "has a field name with NUL"))
            check_values(item, f"{pointer}/{_escaped(name)}", depth + 1)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text: no NUL, and encodable as UTF-8."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def explained(message: str) -> tuple[str, str]:
    """A pointer (RFC 6901) and a sentence, from msgspec's own message."""
    pointer = ""
    if found := _PATH.search(message):
        message = message[: found.start()]
        for name, index in _STEP.findall(found.group(1)):
            pointer += f"/{_escaped(name)}" if name else f"/{index}" if index else ""
    if field := _FIELD.search(message):
        pointer += f"/{_escaped(field.group(1))}"
    return pointer, message


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1").encode("utf-8", "replace").decode()


def _decode(kind: type[Any], value: Any) -> Any:
    if kind is UUID and isinstance(value, str):
        return UUID(value)
    raise NotImplementedError(f"no JSON form of {kind}")
