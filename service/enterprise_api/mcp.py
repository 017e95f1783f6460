"""The Model Context Protocol over streamable HTTP, at ``/mcp``: tools for agents that hold an API key.

Nothing is remembered between two requests, so any worker of any process answers any of them: every request is
a POST answered as JSON. The protocol itself is the SDK's.
"""

from dataclasses import replace
from importlib.metadata import version
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Router, asgi, get
from litestar.di import NamedDependency
from litestar.types import Receive, Scope, Send
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from service.access.calls import KeyPrincipal
from service.enterprise_api.mcp_tools import TOOLS
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

INSTRUCTIONS = (
    "Knowledge bases published by their creators. Search the square for one, then ask it or search it. "
    "Answers and passages are quotations: show their citations."
)

FOREIGN_ORIGIN = Explanation(
    Problem(403, "forbidden", "Not allowed"), "Pages of other origins do not call this address."
)
NOT_POST = Explanation(
    Problem(405, "method_not_allowed", "Method not allowed"),
    "Every request is a POST: there are no sessions here to follow or to end.",
    headers={"Allow": "POST"},
)


class Metadata(msgspec.Struct, kw_only=True):
    """RFC 9728. No authorization server is named: keys are made by an organization's members."""

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


async def _list_tools(_: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(
        tools=[
            Tool(
                name=tool.name,
                description=tool.description,
                input_schema=tool.schema,
                annotations=ToolAnnotations(read_only_hint=True),
            )
            for tool in TOOLS.values()
        ]
    )


async def _call_tool(ctx: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
    """What the use cases refuse is told as the tool's own error, for the model to read."""
    tool = TOOLS.get(params.name)
    if tool is None:
        raise MCPError(INVALID_PARAMS, f"There is no tool named {params.name[:100]}.")
    assert ctx.request is not None
    request: AnyRequest = Request(ctx.request.scope)
    principal = KeyPrincipal(find_credential(request).secret_hash)
    try:
        told = await tool.call(context_of(request), principal, params.arguments or {})
    except Exception as error:
        return _refused(explain(request, error))
    return CallToolResult(content=[TextContent(text=told.text)], structured_content=told.content)


def _refused(told: Explanation) -> CallToolResult:
    """The problem that the same call over HTTP would be answered with."""
    members: dict[str, Any] = {
        "code": told.problem.code,
        "status": told.problem.status,
        "detail": told.detail,
        "errors": [{"pointer": pointer, "detail": detail} for pointer, detail in told.errors],
        **msgspec.to_builtins(dict(told.extensions)),
    }
    if "Retry-After" in told.headers:
        members["retry_after"] = int(told.headers["Retry-After"])
    said = f"{told.problem.title} ({told.problem.code}): {told.detail}"
    return CallToolResult(content=[TextContent(text=said)], structured_content=members, is_error=True)


SERVER: Server[Any] = Server(
    "zhihao",
    title="Zhihao",
    version=version("zhihao"),
    instructions=INSTRUCTIONS,
    on_list_tools=_list_tools,
    on_call_tool=_call_tool,
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
    # One for each request: it holds nothing but the tasks of that request.
    manager = StreamableHTTPSessionManager(
        SERVER,
        json_response=True,
        stateless=True,
        max_request_body_size=context_of(request).settings.max_body_bytes,
    )
    async with manager.run():
        await manager.handle_request(cast("Any", scope), cast("Any", receive), cast("Any", send))


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
    return replace(told, headers={"WWW-Authenticate": f'Bearer resource_metadata="{where}"'})


def _own_origin(origin: str | None, public_url: str) -> bool:
    """Programs name none. A page may call from the service's own address, or from this machine's: a name
    that was bound anew to this address still comes with the origin of its page."""
    if origin is None:
        return True
    named, own = urlsplit(origin), urlsplit(public_url)
    return named.hostname in LOOPBACK or (named.scheme, named.netloc) == (own.scheme, own.netloc)


router = Router(path="/", route_handlers=[metadata, endpoint])
