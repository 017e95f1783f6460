"""Checks what a server answers against the installed SDK's resource classes, recursively.

Missing required fields, unknown fields and wrong types are all faults; enums count as closed.
"""

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, ForwardRef, Literal, TypeVar, Union, get_args, get_origin

from stripe._list_object import ListObject
from stripe._object_classes import OBJECT_CLASSES, V2_OBJECT_CLASSES
from stripe._stripe_object import StripeObject, UntypedStripeObject

from tests.contract.stripe_operations import imported

DELETED = frozenset({"id", "object", "deleted"})


@cache
def resource(name: str) -> Any:
    """The SDK's class for an ``object``."""
    known = OBJECT_CLASSES.get(name) or V2_OBJECT_CLASSES.get(name)
    assert known is not None, f"the SDK knows no object {name!r}"
    return getattr(importlib.import_module(known[0]), known[1])


@cache
def _imported(module: str) -> dict[str, tuple[str, str]]:
    return imported(ast.parse(inspect.getsource(sys.modules[module])))


@cache
def _resolve(reference: str, owner: Any) -> Any:
    """The type a forward reference in ``owner`` means."""
    module = sys.modules[owner.__module__]

    class Names(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            for holder in (owner, module):
                if hasattr(holder, name):
                    return getattr(holder, name)
            found = _imported(module.__name__)[name]
            return getattr(importlib.import_module(found[0]), found[1])

    return eval(reference, {"__builtins__": {}}, Names())


@cache
def fields(cls: Any) -> dict[str, Any]:
    """The public fields of a resource class, with those of its bases."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base in (object, StripeObject) or not issubclass(base, StripeObject):
            continue
        for name, hint in inspect.get_annotations(base).items():
            if not name.startswith("_"):
                found[name] = (hint, base)
    found.pop("OBJECT_NAME", None)
    for inner, wire in getattr(cls, "_field_remappings", {}).items():
        found[wire] = found.pop(inner, found.get(wire))
    return found


def faults(value: Any, path: str = "$") -> Iterator[str]:
    """What is wrong with an answer that says what it is by its ``object``."""
    if not isinstance(value, dict) or "object" not in value:
        yield f"{path}: not an object"
    elif value.get("deleted"):
        if set(value) != DELETED:
            yield f"{path}: a deleted object has {sorted(value)}"
    elif value["object"] == "list":
        yield from _list_faults(value, None, None, path)
    else:
        yield from class_faults(resource(value["object"]), value, path)


def class_faults(cls: Any, value: Any, path: str) -> Iterator[str]:
    """What is wrong with ``value`` as an instance of a resource class."""
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {cls.__name__}"
        return
    known = fields(cls)
    for name in value.keys() - known.keys():
        yield f"{path}.{name}: {cls.__qualname__} has no such field"
    for name, (hint, owner) in known.items():
        if name in value:
            yield from _faults(hint, owner, value[name], f"{path}.{name}")
        elif not _optional(hint, owner):
            yield f"{path}.{name}: {cls.__qualname__} always has it"


def _optional(hint: Any, owner: Any) -> bool:
    if isinstance(hint, str | ForwardRef):
        hint = _resolve(hint if isinstance(hint, str) else hint.__forward_arg__, owner)
    return hint is Any or (get_origin(hint) is Union and type(None) in get_args(hint))


def _faults(hint: Any, owner: Any, value: Any, path: str) -> Iterator[str]:
    if isinstance(hint, str | ForwardRef):
        hint = _resolve(hint if isinstance(hint, str) else hint.__forward_arg__, owner)
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any or isinstance(hint, TypeVar):
        return
    if origin is Union:
        yield from _union_faults(arguments, owner, value, path)
    elif origin is Literal:
        if value not in arguments:
            yield f"{path}: {value!r} is none of {arguments}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
        else:
            for index, item in enumerate(value):
                yield from _faults(arguments[0], owner, item, f"{path}[{index}]")
    elif origin is ListObject:
        yield from _list_faults(value, arguments[0], owner, path)
    elif origin in (dict, UntypedStripeObject):
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no object"
        else:
            for key, item in value.items():
                yield from _faults(arguments[-1], owner, item, f"{path}[{key}]")
    elif inspect.isclass(hint) and issubclass(hint, StripeObject):
        if isinstance(value, dict) and isinstance(value.get("object"), str) and hasattr(hint, "OBJECT_NAME"):
            yield from faults(value, path)
        else:
            yield from class_faults(hint, value, path)
    elif not _is(hint, value):
        yield f"{path}: {value!r} is no {hint}"


def _union_faults(members: tuple[Any, ...], owner: Any, value: Any, path: str) -> Iterator[str]:
    words = [word for one in members if get_origin(one) is Literal for word in get_args(one)]
    best: list[str] | None = None
    for one in members:
        if one is str and len(words) > 1:
            continue  # Stripe writes enums as literals or text, for words yet to come
        wrong = list(_faults(one, owner, value, path))
        if not wrong:
            return
        structured = not any(fault.startswith(f"{path}: ") for fault in wrong)
        best = wrong if best is None or structured else best
    yield from best or [f"{path}: {value!r} fits nothing"]


def _list_faults(value: Any, inner: Any, owner: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict) or set(value) != {"object", "data", "has_more", "url"}:
        yield f"{path}: no list object: {value!r:.80}"
        return
    if (
        value["object"] != "list"
        or not isinstance(value["has_more"], bool)
        or not isinstance(value["url"], str)
    ):
        yield f"{path}: a list object with wrong fields"
    for index, item in enumerate(value["data"]):
        where = f"{path}.data[{index}]"
        yield from faults(item, where) if inner is None else _faults(inner, owner, item, where)


def _is(kind: Any, value: Any) -> bool:
    if kind is type(None):
        return value is None
    if kind is bool:
        return isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is Decimal:
        try:
            return isinstance(value, str) and Decimal(value).is_finite()
        except InvalidOperation:
            return False
    return isinstance(value, kind)
