"""What is asked before any handler, in this order: who is there, then what was sent.

A handler names what it wants (``person``, ``visitor``, ``operator``, ``credential``) and gets it as a
dependency; the guard reads the same names, so that a bad credential is refused before a bad body is.
"""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from service.http.inputs import read_input
from service.http.keys import find_credential
from service.http.login import OperatorOnly, Person, context_of, find_person, find_visitor
from service.usecases.authenticate import is_operator

PEOPLE = frozenset({"person", "operator"})


async def check_request(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Raises ``NotSignedIn``, ``KeyMissing``, ``OperatorOnly``, or what ``read_input`` raises."""
    wanted = handler.parsed_fn_signature.parameters
    if not PEOPLE.isdisjoint(wanted):
        await find_person(connection)
    if "visitor" in wanted:
        await find_visitor(connection)
    if "credential" in wanted:
        find_credential(connection)
    if "operator" in wanted:
        await find_operator(connection)
    await read_input(connection, handler)


async def find_operator(connection: ASGIConnection[Any, Any, Any, Any]) -> Person:
    """Who is signed in, if the settings name them. Raises ``NotSignedIn`` and ``OperatorOnly``."""
    person = await find_person(connection)
    state = connection.scope["state"]
    if "operator" not in state:
        state["operator"] = await is_operator(context_of(connection), account_id=person.account_id)
    if not state["operator"]:
        raise OperatorOnly("This part is for the service's operators.")
    return person
