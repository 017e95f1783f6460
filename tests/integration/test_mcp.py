"""The Model Context Protocol's address: who gets in, what tools cost, and how they refuse."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from service.platform.database import Database
from tests.integration.metering import run
from tests.integration.questions import CANARY, CANARY_QUESTION, FOREIGN, FREE, QUESTION, World, open_world

ACCEPTS = {"accept": "application/json, text/event-stream"}


@pytest.fixture
async def world(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, database_url, tmp_path) as made:
        yield made


async def call(world: World, headers: dict[str, str], tool: str, **arguments: Any) -> dict[str, Any]:
    """The result of one tool's call."""
    body = {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }  # fmt: skip
    response = await world.client.post("/mcp", json=body, headers=headers | ACCEPTS)
    assert response.status_code == 200, response.text
    told = response.json()
    assert "result" in told, told
    return dict(told["result"])


async def test_who_has_no_good_key_is_told_where_to_read_about_it(world: World) -> None:
    headers, customer = await world.key()
    await run(
        world.context.database,
        "UPDATE api_key SET revoked_at = zhihao_now() WHERE organization_id = :id",
        id=customer.organization_id,
    )
    for credential in ({}, {"authorization": "Bearer nothing"}, {"authorization": "Basic eA=="}, headers):
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        response = await world.client.post("/mcp", json=body, headers=credential | ACCEPTS)
        assert response.status_code == 401
        assert ('error="invalid_token"' in response.headers["www-authenticate"]) is bool(credential)
        where = response.headers["www-authenticate"].split('resource_metadata="')[1].rstrip('"')
        assert where.startswith(world.context.settings.public_url)
        told = await world.client.get(where.removeprefix(world.context.settings.public_url))
        assert told.json()["resource"] == world.context.settings.public_url + "/mcp"
        assert told.json()["bearer_methods_supported"] == ["header"]
        assert "authorization_servers" not in told.json(), "no token but a key opens it"


async def test_pages_of_other_origins_and_other_methods_are_refused(world: World) -> None:
    headers, _ = await world.key()
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for origin, status in (
        ("http://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1.evil.example:8000", 403),
        (world.context.settings.public_url, 200),
        ("http://localhost:3000", 200),
    ):
        sent = headers | ACCEPTS | {"origin": origin}
        assert (await world.client.post("/mcp", json=body, headers=sent)).status_code == status, origin
    for method in ("GET", "DELETE"):
        refused = await world.client.request(method, "/mcp", headers=headers | ACCEPTS)
        assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


async def test_tools_are_gated_and_metered_like_every_call(world: World) -> None:
    headers, customer = await world.key(cap=100)
    slug = world.base["slug"]
    found = await call(world, headers, "search_knowledge_base", knowledge_base=slug, query=QUESTION, top_k=2)
    content = found["structuredContent"]
    assert content["usage"] == {"billed_units": 1, "cap_remaining": 98}
    assert 1 <= len(content["passages"]) <= 2
    for passage in content["passages"]:
        text = await world.text_of(passage["revision_id"])
        assert passage["text"] == text[passage["start"] : passage["end"]]
        assert passage["text"] in found["content"][0]["text"]
    answered = await call(world, headers, "ask_knowledge_base", knowledge_base=slug, question=QUESTION)
    content = answered["structuredContent"]
    assert "不得超过六个月" in content["text"]
    assert content["citations"][0]["url"] in answered["content"][0]["text"]
    assert content["usage"] == {"billed_units": 1, "cap_remaining": 78}
    refused = await call(world, headers, "ask_knowledge_base", knowledge_base=slug, question=FOREIGN)
    assert refused["structuredContent"]["refused"] is True
    assert refused["structuredContent"]["usage"]["billed_units"] == 0
    assert await world.count("usage_event WHERE organization_id = :id", id=customer.organization_id) == 2


async def test_calls_of_tools_count_toward_the_keys_limit_and_say_what_is_left(world: World) -> None:
    headers, _ = await world.key(rate_limit=3)
    slug = world.base["slug"]

    async def told(name: str, **arguments: Any) -> tuple[httpx.Headers, dict[str, Any]]:
        params = {"name": name, "arguments": {"knowledge_base": slug} | arguments}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answer = await world.client.post("/mcp", json=body, headers=headers | ACCEPTS)
        return answer.headers, answer.json()["result"]

    search = {"name": "search_knowledge_base", "query": QUESTION}
    first, _ = await told(**search)
    assert first["ratelimit-policy"] == '"minute";q=3;w=60'
    assert first["ratelimit"].startswith('"minute";r=2;t=')
    assert (first["zhihao-billed-units"], first["zhihao-cap-remaining"]) == ("1", "unlimited")
    body = {"query": QUESTION, "knowledge_base_ids": [world.base["id"]]}
    over_http = await world.client.post("/api/v1/passages", json=body, headers=headers)
    assert over_http.headers["ratelimit"].startswith('"minute";r=1;')
    last, _ = await told("ask_knowledge_base", question=QUESTION)
    assert last["ratelimit"].startswith('"minute";r=0;')
    for asked in (search, {"name": "ask_knowledge_base", "question": QUESTION}):
        over, refused = await told(**asked)
        assert refused["structuredContent"]["code"] == "rate_limited"
        assert 1 <= refused["structuredContent"]["retry_after"] <= 60
        assert over["ratelimit"].startswith('"minute";r=0;')
    free, read = await told("read_document", document_id=world.free["id"])
    assert not read["isError"] and "ratelimit" not in free


async def test_only_free_documents_are_read_whole(world: World) -> None:
    headers, customer = await world.key(cap=0)
    slug = world.base["slug"]
    asked = {"knowledge_base": slug, "document_id": world.free["id"]}
    read = (await call(world, headers, "read_document", **asked))["structuredContent"]
    assert (read["text"], read["next_start"], read["characters"]) == (FREE, None, len(FREE))
    piece = (await call(world, headers, "read_document", **asked, start=3, length=4))["structuredContent"]
    assert (piece["text"], piece["end"], piece["next_start"]) == (FREE[3:7], 7, 7)
    asked["document_id"] = world.paid["id"]
    closed = await call(world, headers, "read_document", **asked)
    assert closed["isError"]
    assert closed["structuredContent"]["code"] == "entitlement_required"
    assert CANARY not in str(closed)
    assert await world.count("usage_event WHERE organization_id = :id", id=customer.organization_id) == 0


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"knowledge_base": "nothing"}, "knowledge_base_not_found"),
    ({"allowed": [uuid4()]}, {}, "knowledge_base_not_found"),
    ({"cap": 0}, {}, "spend_cap_reached"),
    ({"status": None}, {}, "contract_required"),
    ({"scopes": ("passages:read",)}, {}, "scope_missing"),
    ({}, {"question": ""}, "invalid_input"),
    ({}, {"question": 7}, "invalid_input"),
    ({}, {"question": "a\0b"}, "invalid_input"),
    ({}, {"nonsense": True}, "invalid_input"),
]


async def test_refusals_are_errors_of_the_tool_with_the_codes_of_every_door(world: World) -> None:
    for limits, asked, code in REFUSED:
        headers, _ = await world.key(**limits)
        sent = {"knowledge_base": world.base["slug"], "question": CANARY_QUESTION} | asked
        refused = await call(world, headers, "ask_knowledge_base", **sent)
        assert refused["isError"], (limits, asked)
        assert refused["structuredContent"]["code"] == code
        assert code in refused["content"][0]["text"]
        assert CANARY not in str(refused)
    for limits in ({"status": None}, {"allowed": [uuid4()]}, {"scopes": ("answers:write",)}):
        headers, _ = await world.key(**limits)
        asked = {"knowledge_base": world.base["slug"], "document_id": world.free["id"]}
        assert (await call(world, headers, "read_document", **asked))["isError"], limits
    headers, _ = await world.key()
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "drop_tables"}}
    told = (await world.client.post("/mcp", json=body, headers=headers | ACCEPTS)).json()
    assert told["error"]["code"] == -32602
