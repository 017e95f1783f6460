"""Who is signed in: the dependencies ``person`` and ``visitor``."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from litestar.connection import ASGIConnection

from service.accounts.tokens import NotSignedIn
from service.usecases.authenticate import authenticate
from service.usecases.context import Context

Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, and the session they are signed in by."""

    account_id: UUID
    session_id: UUID


class OperatorOnly(Exception):
    """The account is not one of the operators that the settings name."""


def context_of(connection: Connection) -> Context:
    """What ``service.app`` put into the application's state."""
    context: Context = connection.app.state.context
    return context


def user_agent_of(connection: Connection) -> str | None:
    """What the caller's program calls itself, if that can be kept."""
    said = connection.headers.get("user-agent", "")
    return said if said and said.isprintable() else None


def bearer(connection: Connection) -> str | None:
    """The credential sent, or ``None``. Raises ``NotSignedIn`` for any other scheme."""
    header = connection.headers.get("authorization")
    if header is None:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "bearer" or not value.strip():
        raise NotSignedIn("The Authorization header must be: Bearer, a space, the token.")
    return value.strip()


async def find_visitor(connection: Connection) -> Person | None:
    """Who is signed in, or ``None`` for nobody. A token that is no good raises ``NotSignedIn``.

    Asked once a request; the guard and the handler's dependency share the answer.
    """
    state = connection.scope["state"]
    if "visitor" not in state:
        sent = bearer(connection)
        state["visitor"] = None
        if sent is not None:
            token = await authenticate(context_of(connection), access_token=sent)
            state["visitor"] = Person(token.account_id, token.session_id)
    visitor: Person | None = state["visitor"]
    return visitor


async def find_person(connection: Connection) -> Person:
    """Who is signed in. Raises ``NotSignedIn``."""
    visitor = await find_visitor(connection)
    if visitor is None:
        raise NotSignedIn("Sign in first: send Authorization: Bearer and an access token.")
    return visitor
