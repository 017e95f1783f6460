"""Decodes a request by the SDK's own parameter types.

The SDK publishes, for every operation, a TypedDict of what it takes. Reading requests by those types keeps
this server from taking what Stripe's types do not know, and gives Stripe's errors for what is wrong.
Values come out as JSON has them (decimals as text).
"""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import import_module
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from stripe._request_options import RequestOptions
from typing_extensions import get_type_hints, is_typeddict

from billing.sandbox.errors import ApiError, invalid, missing_param, unknown_param

_OPTIONS = frozenset(RequestOptions.__annotations__)
_INTEGER = re.compile(r"-?\d{1,18}")


@cache
def params_type(name: str) -> type:
    """The TypedDict of ``"checkout._session_create_params:SessionCreateParams"``, under ``stripe.params``."""
    module, _, attribute = name.partition(":")
    found: type = getattr(import_module(f"stripe.params.{module}"), attribute)
    return found


@cache
def _fields(kind: type) -> tuple[dict[str, Any], frozenset[str]]:
    # The SDK mixes its request options into the parameters; they never travel, so they are left out.
    own = {name: hint for name, hint in kind.__annotations__.items() if name not in _OPTIONS}
    bare = type(kind.__name__, (), {"__annotations__": own, "__module__": kind.__module__})
    required: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
    return get_type_hints(bare), required - _OPTIONS


def decode(kind: Any, raw: Any, path: str = "") -> Any:
    """``raw`` read as ``kind``. Raises ``ApiError`` 400 naming the parameter that is wrong."""
    origin = get_origin(kind)
    if is_typeddict(kind):
        return _typed_dict(kind, raw, path)
    if origin in (Union, UnionType):
        return _union(get_args(kind), raw, path)
    if origin is Literal:
        if raw in get_args(kind):
            return raw
        raise invalid(f"Invalid {path}: must be one of {', '.join(map(str, get_args(kind)))}", param=path)
    if origin is list:
        return [decode(get_args(kind)[0], item, f"{path}[{index}]") for index, item in _items(raw, path)]
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping | dict):
        values = get_args(kind)[-1]
        if not isinstance(raw, dict):
            raise invalid(f"Invalid object: {path}", param=path)
        return {key: decode(values, value, f"{path}[{key}]") for key, value in raw.items()}
    if kind is Any or kind is object:
        return raw
    return _scalar(kind, raw, path)


def _typed_dict(kind: type, raw: Any, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise invalid(f"Invalid object: {path}", param=path)
    hints, required = _fields(kind)
    named = {name: f"{path}[{name}]" if path else name for name in {*raw, *required}}
    for name in raw:
        if name not in hints:
            raise unknown_param(named[name])
    for name in required:
        if name not in raw:
            raise missing_param(named[name])
    return {name: decode(hints[name], value, named[name]) for name, value in raw.items()}


def _union(members: tuple[Any, ...], raw: Any, path: str) -> Any:
    words = [word for member in members if get_origin(member) is Literal for word in get_args(member)]
    if raw in words:
        return raw
    closed = len(words) > 1  # Stripe's enums are written as literals or text, for words yet to come
    error: ApiError | None = None
    for member in members:
        if get_origin(member) is Literal or (closed and member is str):
            continue
        try:
            return decode(member, raw, path)
        except ApiError as refused:
            # Of several branches, the structured one says best what is wrong.
            error = refused if error is None or isinstance(raw, dict) else error
    raise error or invalid(f"Invalid {path}: must be one of {', '.join(map(str, words))}", param=path)


def _items(raw: Any, path: str) -> list[tuple[int, Any]]:
    if isinstance(raw, list):
        return list(enumerate(raw))
    if isinstance(raw, dict) and all(key.isdigit() for key in raw):
        return list(enumerate(raw[key] for key in sorted(raw, key=int)))
    raise invalid(f"Invalid array: {path}", param=path)


def _scalar(kind: Any, raw: Any, path: str) -> Any:
    if isinstance(raw, dict | list):
        raise invalid(f"Invalid {_word(kind)}: {path}", param=path)
    if kind is str and isinstance(raw, str):
        return raw
    if kind is bool and raw in ("true", "false", True, False):
        return raw in ("true", True)
    if kind is int and _INTEGER.fullmatch(str(raw)):
        return int(raw)
    if kind is float or kind is Decimal:
        try:
            number = Decimal(str(raw))
        except InvalidOperation:
            number = Decimal("nan")
        if number.is_finite():
            return float(number) if kind is float else format(number, "f")
    raise invalid(f"Invalid {_word(kind)}: {raw}", param=path)


def _word(kind: Any) -> str:
    return {int: "integer", bool: "boolean", str: "string", Decimal: "decimal", float: "decimal"}.get(
        kind, "value"
    )
