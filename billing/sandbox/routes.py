"""The table of operations: each handler says its method, its path and the SDK's type of its parameters."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from billing.sandbox.parameters import decode, params_type
from billing.sandbox.shape import Body
from billing.sandbox.store import Store


@dataclass(frozen=True)
class Call:
    """One request, decoded: its parameters as JSON values, the ids in its path, its account's objects.

    ``page`` is where a page of a v2 list begins.
    """

    store: Store
    params: Body
    ids: dict[str, str]
    path: str
    page: str | None = None

    @property
    def public_url(self) -> str:
        """Where the hosted pages are."""
        return self.store.config.public_url


Handler = Callable[[Call], Awaitable[Body]]


@dataclass(frozen=True)
class Route:
    """An operation. ``params`` is a name for ``params_type``."""

    method: str
    pattern: re.Pattern[str]
    params: str
    handler: Handler

    def read(self, raw: Body) -> Body:
        """The parameters as the SDK types them, or as they are where it has none. Raises ``ApiError`` 400."""
        if not self.params:
            return raw
        decoded: Body = decode(params_type(self.params), raw)
        return decoded


ROUTES: list[Route] = []


def route(method: str, path: str, params: str) -> Callable[[Handler], Handler]:
    """Registers a handler for ``/v1/customers/{customer}`` and the like."""
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, pattern, params, handler))
        return handler

    return register


def match(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a request, first registered first, and the ids in its path."""
    for one in ROUTES:
        if one.method == method and (found := one.pattern.fullmatch(path)):
            return one, found.groupdict()
    return None
