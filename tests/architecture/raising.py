"""Which of the listed problems a function can end in: read off its source, and off what it calls.

Followed are functions and classes by their names, methods by the annotation of what they are called on, and
whatever is passed on by name. An error that is caught on its way is not one of the function's. Those of ports
are named below. Values are not looked at, so an error may be named that no input brings about.
"""

import ast
import builtins
import functools
import inspect
import types
import typing
from dataclasses import dataclass, field
from typing import Any

from billing.metering.reservations import ReservationExpired
from billing.processor.port import PaymentProcessor, ProcessorRefused, ProcessorUnavailable
from search.engine.port import CardEngine, EngineUnavailable, PassageEngine
from service.access.admission import REFUSALS, admit
from service.answering.model import Model, ModelUnavailable
from service.http.problems import PROBLEMS, Problem
from service.platform.blobs import Blobs, BlobsUnavailable
from service.usecases.admit_calls import admit_call
from service.usecases.ask_question import ask_question
from service.usecases.running_answer import AnswerInterrupted
from service.usecases.settle_calls import settle_call

OURS = ("service.", "billing.", "search.")
PORTS: dict[type, frozenset[type[Exception]]] = {
    PaymentProcessor: frozenset({ProcessorUnavailable, ProcessorRefused}),
    CardEngine: frozenset({EngineUnavailable}),
    PassageEngine: frozenset({EngineUnavailable}),
    Model: frozenset({ModelUnavailable}),
    Blobs: frozenset({BlobsUnavailable}),
}

DECIDED: dict[Any, frozenset[type[Exception]]] = {
    admit: frozenset(REFUSALS),
    admit_call: frozenset(REFUSALS),
    settle_call: frozenset({ReservationExpired}),
    ask_question: frozenset({AnswerInterrupted, ModelUnavailable, ReservationExpired}),
}
"""Functions whose errors come by a queue or a task of another's; the first as values."""

Errors = frozenset[type[Exception]]
NONE: Errors = frozenset()


@dataclass
class Scope:
    """What names mean in one function."""

    function: types.FunctionType
    kinds: dict[str, type] = field(default_factory=dict)
    locals: set[str] = field(default_factory=set)

    def value(self, name: str) -> Any:
        if name in self.locals:
            return None
        free = self.function.__code__.co_freevars
        if name in free:
            return (self.function.__closure__ or ())[free.index(name)].cell_contents
        return self.function.__globals__.get(name, getattr(builtins, name, None))


_known: dict[types.FunctionType, Errors] = {}


def errors_of(function: types.FunctionType) -> Errors:
    """The listed errors that ``function`` lets through."""
    return _found(function, [], set())


def _found(function: types.FunctionType, above: list[types.FunctionType], turned: set[int]) -> Errors:
    """``turned``: at which depths a function was met again. What is found below one is not the whole."""
    if function in _known:
        return _known[function]
    if function in above:
        turned.add(above.index(function))
        return NONE
    depth, met = len(above), set[int]()
    above.append(function)
    reader = Reader(Scope(function), above, met)
    node = _source(function)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        reader.learn(node)
        found = reader.body(node.body)
    else:
        found = NONE
    above.pop()
    met.discard(depth)
    turned |= met
    if not met:
        _known[function] = found
    return found


@functools.cache
def _tree(module: types.ModuleType) -> dict[int, ast.AST]:
    """The functions of a module by the line they begin at, decorators included."""
    tree = ast.parse(inspect.getsource(module))
    functions = (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    return {min([each.lineno, *(one.lineno for one in each.decorator_list)]): each for each in functions}


def _source(function: types.FunctionType) -> ast.AST | None:
    module = inspect.getmodule(function)
    return None if module is None else _tree(module).get(function.__code__.co_firstlineno)


class Reader:
    """Reads one function's statements."""

    def __init__(self, scope: Scope, above: list[types.FunctionType], turned: set[int]) -> None:
        self.scope, self.above, self.turned = scope, above, turned

    def learn(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """The kinds of parameters, and of what is assigned from calls with an annotated return."""
        hints = _hints(self.scope.function)
        owner = _owner(self.scope.function)
        for each in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
            self.scope.locals.add(each.arg)
            if isinstance(kind := hints.get(each.arg), type):
                self.scope.kinds[each.arg] = kind
            elif each.arg in {"self", "cls"} and owner is not None:
                self.scope.kinds[each.arg] = owner
        for inner in ast.walk(node):
            target = None
            if isinstance(inner, ast.Assign) and len(inner.targets) == 1:
                target, value = inner.targets[0], inner.value
            elif isinstance(inner, ast.withitem) and inner.optional_vars is not None:
                target, value = inner.optional_vars, inner.context_expr
            elif isinstance(inner, ast.NamedExpr):
                target, value = inner.target, inner.value
            if isinstance(target, ast.Name):
                self.scope.locals.add(target.id)
                kind = self.kind(value)
                if kind is not None:
                    self.scope.kinds[target.id] = kind

    def body(self, statements: list[ast.stmt]) -> Errors:
        return frozenset().union(*(self.statement(each) for each in statements))

    def statement(self, node: ast.AST) -> Errors:
        match node:
            case ast.Try():
                inside = self.body(node.body)
                rest = self.body([*node.orelse, *node.finalbody])
                for handler in node.handlers:
                    caught = self.caught(handler)
                    passes_on = any(
                        isinstance(each, ast.Raise) and each.exc is None for each in ast.walk(handler)
                    )
                    if not passes_on:
                        inside = frozenset(each for each in inside if not issubclass(each, caught))
                    rest |= self.body(handler.body)
                return inside | rest
            case ast.With() | ast.AsyncWith():
                suppressed = self.suppressed(node)
                inside = self.body(node.body)
                around = frozenset().union(*(self.expression(item.context_expr) for item in node.items))
                return around | frozenset(each for each in inside if not issubclass(each, suppressed))
            case ast.Raise(exc=ast.Name() | ast.Attribute() as raised):
                return self.listed(self.resolve(raised))
        found_errors: Errors = NONE
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                found_errors |= self.statement(child)
            elif isinstance(child, ast.expr):
                found_errors |= self.expression(child)
        return found_errors

    def expression(self, node: ast.AST) -> Errors:
        """Everything named in it that is a function of ours counts as called."""
        found: Errors = NONE
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                found |= self.listed(self.resolve(inner.func))
            if isinstance(inner, ast.Name | ast.Attribute) and isinstance(inner.ctx, ast.Load):
                found |= self.called(self.resolve(inner))
                if isinstance(inner, ast.Attribute):
                    found |= self.method(inner)
        return found

    def listed(self, kind: Any) -> Errors:
        """An error that is made is raised by somebody."""
        if isinstance(kind, type) and issubclass(kind, Exception) and problem_of_kind(kind) is not None:
            return frozenset({kind})
        return NONE

    def called(self, value: Any) -> Errors:
        if isinstance(value, functools.partial):
            value = value.func
        value = inspect.unwrap(value) if callable(value) and not isinstance(value, type) else value
        if isinstance(value, types.MethodType):
            value = value.__func__
        if isinstance(value, types.FunctionType) and value.__module__.startswith(OURS):
            return DECIDED.get(value, NONE) | _found(value, self.above, self.turned)
        if isinstance(value, type) and value.__module__.startswith(OURS) and not issubclass(value, Exception):
            found: Errors = NONE
            for name in ("__init__", "__post_init__"):
                made = vars(value).get(name)
                if isinstance(made, types.FunctionType) and made.__code__.co_filename != "<string>":
                    found |= self.called(made)
            return found
        return NONE

    def method(self, node: ast.Attribute) -> Errors:
        kind = self.kind(node.value)
        if kind is None:
            return NONE
        for port, errors in PORTS.items():
            if issubclass(kind, port) if not getattr(port, "_is_protocol", False) else kind is port:
                return errors
        if kind.__module__.startswith(OURS):
            found = inspect.getattr_static(kind, node.attr, None)
            found = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
            return self.called(found)
        return NONE

    def resolve(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Name):
            return self.scope.value(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value)
            if isinstance(owner, types.ModuleType | type):
                return getattr(owner, node.attr, None)
        return None

    def kind(self, node: ast.AST) -> type | None:
        """The class of an expression's value, where annotations say it."""
        if isinstance(node, ast.Await):
            return self.kind(node.value)
        if isinstance(node, ast.Name):
            return self.scope.kinds.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.kind(node.value)
            return None if owner is None else _plain(_hints(owner).get(node.attr))
        if isinstance(node, ast.Call):
            made = self.resolve(node.func)
            if isinstance(made, type):
                return made
            if made is None and isinstance(node.func, ast.Attribute):
                owner = self.kind(node.func.value)
                made = None if owner is None else getattr(owner, node.func.attr, None)
            if callable(made):
                return _plain(_hints(inspect.unwrap(made)).get("return"))
        if isinstance(node, ast.BoolOp):
            return next((kind for each in node.values if (kind := self.kind(each))), None)
        return None

    def caught(self, handler: ast.ExceptHandler) -> tuple[type, ...]:
        if handler.type is None:
            return (BaseException,)
        parts = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        named = [self.resolve(each) for each in parts]
        flat = [kind for each in named for kind in (each if isinstance(each, tuple) else (each,))]
        return tuple(each for each in flat if isinstance(each, type))

    def suppressed(self, node: ast.With | ast.AsyncWith) -> tuple[type, ...]:
        calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        names = [each for call in calls if _called_suppress(call) for each in call.args]
        return tuple(each for each in map(self.resolve, names) if isinstance(each, type))


def _called_suppress(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name == "suppress"


def problem_of_kind(kind: type[Exception]) -> Problem | None:
    """How errors of a class are answered, if they are listed."""
    return next((PROBLEMS[each] for each in kind.__mro__ if each in PROBLEMS), None)


@functools.cache
def _hints(of: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(of)
    except Exception:
        return {}


def _plain(hint: Any) -> type | None:
    """The class in an annotation: without ``None``, and what an iterator or context yields."""
    if hint is None:
        return None
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint
    args = [each for each in typing.get_args(hint) if each is not type(None)]
    if len(args) == 1:
        return _plain(args[0])
    return None


def _owner(function: types.FunctionType) -> type | None:
    path = function.__qualname__.split(".")
    if len(path) < 2:
        return None
    owner = getattr(inspect.getmodule(function), path[-2], None)
    return owner if isinstance(owner, type) else None
