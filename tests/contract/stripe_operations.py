"""Every operation of the installed SDK, read from its sources: verb, path, parameter type.

A request is checked against a pydantic adapter built from the operation's TypedDict, with extra keys
forbidden and enums closed.
"""

import ast
import importlib
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin

import stripe
from pydantic import TypeAdapter, with_config
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from typing_extensions import TypedDict, get_type_hints, is_typeddict

ROOT = Path(stripe.__file__).parent
ANY = "[^/]+"
_OPTIONS = frozenset(RequestOptions.__annotations__)


@dataclass(frozen=True)
class Operation:
    """One call: ``params`` is ``module:Type`` of its parameters, or None; ``returns`` names its class."""

    verb: str
    path: re.Pattern[str]
    params: str | None
    returns: str
    service: str

    @property
    def parts(self) -> int:
        return self.path.pattern.replace(ANY, "").count("/")


def imported(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Names imported at the top of a module, also only for type checking: name → (module, attribute)."""
    blocks = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.If))]
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for block in blocks
        for node in block
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def _template(node: ast.expr) -> str | None:
    """The path, with ``ANY`` for what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        inner = node.func.value
        if isinstance(inner, ast.Constant):
            return ANY.join(re.escape(part) for part in re.split(r"\{\w+\}", str(inner.value)))
    return None


def _operation(
    function: ast.AsyncFunctionDef, imports: dict[str, tuple[str, str]], file: str
) -> Operation | None:
    for node in ast.walk(function):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr != "_request_async" or len(node.args) < 2:
            continue
        verb, path = node.args[0], _template(node.args[1])
        if path is None or not isinstance(verb, ast.Constant):
            continue
        arguments = {argument.arg: argument.annotation for argument in function.args.args}
        written = ast.unparse(arguments["params"]) if arguments.get("params") is not None else ""  # type: ignore[arg-type]  # narrowed by the test
        named = re.search(r"'(\w+)'", written)
        returns = ast.unparse(function.returns).strip("'") if function.returns else ""
        params = ":".join(imports[named.group(1)]) if named and named.group(1) in imports else None
        return Operation(str(verb.value).upper(), re.compile(path), params, returns, file)
    return None


def _operations_in(file: Path) -> Iterator[Operation]:
    """Those of one service: the asynchronous methods of the classes in its module."""
    tree = ast.parse(file.read_text())
    imports = imported(tree)
    for made in tree.body:
        for node in made.body if isinstance(made, ast.ClassDef) else ():
            if isinstance(node, ast.AsyncFunctionDef) and (one := _operation(node, imports, file.stem)):
                yield one


@cache
def operations() -> tuple[Operation, ...]:
    """All of them, found in ``*_service.py``."""
    return tuple(one for file in sorted(ROOT.rglob("*_service.py")) for one in _operations_in(file))


@cache
def _alike(verb: str, parts: int) -> tuple[Operation, ...]:
    """Those of a verb with so many parts in their path."""
    return tuple(one for one in operations() if one.verb == verb and one.parts == parts)


def operation(verb: str, path: str) -> Operation:
    """The operation of a request; a literal path wins over one that is filled in."""
    fitting = [one for one in _alike(verb.upper(), path.count("/")) if one.path.fullmatch(path)]
    if not fitting:
        raise AssertionError(f"the SDK has no operation {verb} {path}")
    return min(fitting, key=lambda one: one.path.pattern.count(ANY))


@cache
def _closed_dict(kind: Any) -> Any:
    # The SDK mixes its request options into the parameters; they never travel.
    own = {name: hint for name, hint in kind.__annotations__.items() if name not in _OPTIONS}
    bare = type(kind.__name__, (), {"__annotations__": own, "__module__": kind.__module__})
    fields = {
        name: (Required if name in kind.__required_keys__ else NotRequired)[_closed(hint)]
        for name, hint in get_type_hints(bare).items()
    }
    made = TypedDict(kind.__name__, fields)  # type: ignore[misc]  # built at run time
    return with_config({"extra": "forbid", "strict": True})(made)


def _closed(hint: Any) -> Any:
    """The type with extras forbidden at every depth, and no open door beside an enum."""
    if is_typeddict(hint):
        return _closed_dict(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        words = [word for one in arguments if get_origin(one) is Literal for word in get_args(one)]
        kept = [
            _closed(one)
            for one in arguments
            if get_origin(one) is not UntypedStripeObject and not (one is str and len(words) > 1)
        ]
        return Union[tuple(kept)]  # noqa: UP007 - from a list, at run time
    if origin is list:
        return list[_closed(arguments[0])]  # type: ignore[misc]  # built at run time
    if origin in (dict, Mapping):
        return dict[str, _closed(arguments[1])]  # type: ignore[misc]  # as above
    return hint


@cache
def adapter(params: str) -> TypeAdapter[Any]:
    """The check of one operation's parameters."""
    module, _, name = params.partition(":")
    return TypeAdapter(_closed(getattr(importlib.import_module(module), name)))


def check_request(verb: str, path: str, params: Mapping[str, Any] | None) -> Operation:
    """Raises when the SDK's own types forbid this request."""
    found = operation(verb, path)
    if found.params is None:
        assert not params, f"{verb} {path} takes no parameters"
    else:
        adapter(found.params).validate_python(dict(params or {}))
    return found
