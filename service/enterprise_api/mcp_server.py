"""What agents are answered: the SDK's server on the tools of ``mcp_tools``.

Nothing is remembered between two requests, so any worker of any process answers any of them: every request is
a POST answered as JSON.
"""

from importlib.metadata import version
from typing import Any, cast

import msgspec
from litestar import Request
from litestar.types import Message, Receive, Scope, Send
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
from service.http.responses import Explanation, explain

AnyRequest = Request[Any, Any, Any]

HEADERS = "headers_of_the_tool"
"""Where the answer's headers are kept until it begins."""

INSTRUCTIONS = (
    "Knowledge bases published by their creators. Search the square for one, then ask it or search it. "
    "Answers and passages are quotations: show their citations."
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
        refused = explain(request, error)
        # Not how long to wait: to HTTP this is an answer.
        rate = {name: value for name, value in refused.headers.items() if name.startswith("RateLimit")}
        request.state[HEADERS] = rate
        return _refused(refused)
    request.state[HEADERS] = told.headers
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


async def answer(request: AnyRequest, scope: Scope, receive: Receive, send: Send) -> None:
    """One POST of an agent that may call."""
    # One for each request: it holds nothing but the tasks of that request.
    manager = StreamableHTTPSessionManager(
        SERVER,
        json_response=True,
        stateless=True,
        max_request_body_size=context_of(request).settings.max_body_bytes,
    )

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            told = request.state.get(HEADERS, {})
            lines = [(name.lower().encode(), value.encode()) for name, value in told.items()]
            message["headers"] = [*message["headers"], *lines]
        await send(message)

    async with manager.run():
        await manager.handle_request(cast("Any", scope), cast("Any", receive), cast("Any", with_headers))
