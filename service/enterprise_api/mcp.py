"""The Model Context Protocol over streamable HTTP, at ``/mcp``: tools for agents that hold an API key.

Who may call is asked here; the protocol itself is ``mcp_server``'s, which would be a fifth of all that the
service loads: it is loaded when the first agent calls.
"""

import asyncio
from dataclasses import replace
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Router, asgi, get
from litestar.di import NamedDependency
from litestar.types import Receive, Scope, Send

from service.http.keys import find_credential
from service.http.login import context_of
from service.http.problems import Problem
from service.http.responses import KEY_REFUSED, Explanation, explain, problem_response
from service.usecases.authenticate import is_key_live
from service.usecases.context import Context

AnyRequest = Request[Any, Any, Any]

PATH = "/mcp"
METADATA = "/.well-known/oauth-protected-resource"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

FOREIGN_ORIGIN = Explanation(
    Problem(403, "forbidden", "Not allowed"), "Pages of other origins do not call this address."
)
NOT_POST = Explanation(
    Problem(405, "method_not_allowed", "Method not allowed"),
    "Every request is a POST: there are no sessions here to follow or to end.",
    headers={"Allow": "POST"},
)


class Metadata(msgspec.Struct, kw_only=True):
    """RFC 9728. No authorization server is named, where people sign in by a provider of OpenID neither: what
    opens this address is a key, which an organization's members make, and no token of a provider's."""

    resource: str
    resource_name: str
    resource_documentation: str
    bearer_methods_supported: list[str]
    scopes_supported: list[str]


@get([METADATA, METADATA + PATH], tags=["AI clients"], sync_to_thread=False)
def metadata(context: NamedDependency[Context]) -> Metadata:
    """What a client needs to know to call ``/mcp``."""
    address = context.settings.public_url.rstrip("/")
    return Metadata(
        resource=address + PATH,
        resource_name="Zhihao",
        resource_documentation=address + "/schema",
        bearer_methods_supported=["header"],
        scopes_supported=["passages:read", "answers:write"],
    )


@asgi(PATH, is_mount=True, copy_scope=False)
async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
    """Who calls, then the protocol."""
    request: AnyRequest = Request(cast("Any", scope), receive=receive, send=send)
    refusal = await _refusal(request)
    if refusal is not None:
        await problem_response(request, refusal).to_asgi_response(app=None, request=request)(
            cast("Any", scope), receive, send
        )
        return
    server = await asyncio.to_thread(import_module, "service.enterprise_api.mcp_server")
    await server.answer(request, scope, receive, send)


async def _refusal(request: AnyRequest) -> Explanation | None:
    """Why the request goes no further, if it does not."""
    context = context_of(request)
    if not _own_origin(request.headers.get("origin"), context.settings.public_url):
        return FOREIGN_ORIGIN
    try:
        credential = find_credential(request)
    except Exception as error:
        told = explain(request, error)
    else:
        if await is_key_live(context, secret_hash=credential.secret_hash):
            return None if request.method == "POST" else NOT_POST
        told = KEY_REFUSED
    where = f"{context.settings.public_url.rstrip('/')}{METADATA}{PATH}"
    # RFC 6750: an error is named to those alone who came with something.
    named = 'error="invalid_token", ' if "authorization" in request.headers else ""
    return replace(told, headers={"WWW-Authenticate": f'Bearer {named}resource_metadata="{where}"'})


def _own_origin(origin: str | None, public_url: str) -> bool:
    """Programs name none. A page may call from the service's own address, or from this machine's: a name
    that was bound anew to this address still comes with the origin of its page."""
    if origin is None:
        return True
    named, own = urlsplit(origin), urlsplit(public_url)
    return named.hostname in LOOPBACK or (named.scheme, named.netloc) == (own.scheme, own.netloc)


router = Router(path="/", route_handlers=[metadata, endpoint])
