"""A developer with a key: to the first cited answer with clients that were written for others."""

import asyncio
import json
import os
import subprocess
from typing import Any

import httpx2
import openai
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from openai import AsyncOpenAI, OpenAI

from tests.clients import bringing
from tests.journeys import texts
from tests.journeys.people import Caller, Person, first_metered

QUESTION = "When should I feed roses with potash?"
NOWHERE = "What is the capital of Mongolia?"


@pytest.fixture(scope="module")
def base(service: Any) -> dict[str, Any]:
    creator = Person(service.url, "林知行")
    creator.open_profile()
    return creator.publish_texts("玫瑰 for clients", [texts.ROSE, texts.LAVENDER])


@pytest.fixture(scope="module")
def secret(service: Any, base: dict[str, Any]) -> str:
    """A key whose contract has come."""
    person = Person(service.url)
    path = f"/enterprise/v1/organizations/{person.found_organization()}/keys"
    made = person.post(path, {"name": "clients", "scopes": ["passages:read", "answers:write"]})
    query = {"query": "roses", "knowledge_base_ids": [base["id"]], "top_k": 1}
    first_metered(Caller(service.url, made["secret"]), "/api/v1/passages", query)
    return str(made["secret"])


def test_openais_python_client_is_answered_with_citations(
    service: Any, base: dict[str, Any], secret: str
) -> None:
    model = f"kb/{base['slug']}"
    with OpenAI(api_key=secret, base_url=f"{service.url}/openai/v1", max_retries=0) as client:
        assert model in [listed.id for listed in client.models.list()]
        assert client.models.retrieve(model).object == "model"
        said = [{"role": "user", "content": QUESTION}]
        raw = client.chat.completions.with_raw_response.create(model=model, messages=said)  # type: ignore[arg-type]  # plain dicts
        assert raw.headers["zhihao-billed-units"] == "1"
        completion = raw.parse()
        message = completion.choices[0].message
        assert message.content is not None and "potash" in message.content
        assert message.annotations
        place = message.annotations[0].url_citation
        assert message.content[place.start_index : place.end_index] == "[1]"
        page = place.url.replace(place.url.split("/k/")[0], service.url)
        assert Caller(service.url).http.get(page).status_code == 402  # a paid text: its own page says so
        assert completion.usage is not None and completion.usage.total_tokens > 0

        with client.chat.completions.stream(model=model, messages=said) as stream:  # type: ignore[arg-type]  # plain dicts
            for _ in stream:
                pass
            assert stream.get_final_completion().choices[0].message.content == message.content

        response = client.responses.create(model=model, input=QUESTION)
        assert response.output_text == message.content
        with client.responses.stream(model=model, input=QUESTION) as events:
            kinds = [event.type for event in events]
            assert events.get_final_response().output_text == message.content
        assert "response.output_text.annotation.added" in kinds

        refused = client.chat.completions.create(model=model, messages=[{"role": "user", "content": NOWHERE}])
        assert refused.choices[0].message.refusal
        with pytest.raises(openai.NotFoundError) as missing:
            client.responses.create(model="kb/no-such-base", input=QUESTION)
        assert missing.value.code == "model_not_found"
    with (
        OpenAI(api_key="sk-somebody", base_url=f"{service.url}/openai/v1", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError) as unknown,
    ):
        stranger.models.list()
    assert unknown.value.code == "invalid_api_key"


def test_openais_asynchronous_client_is_answered_too(service: Any, base: dict[str, Any], secret: str) -> None:
    async def told() -> tuple[str, str]:
        model = f"kb/{base['slug']}"
        async with AsyncOpenAI(api_key=secret, base_url=f"{service.url}/openai/v1", max_retries=0) as client:
            whole = await client.responses.create(model=model, input=QUESTION)
            chunks = await client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": QUESTION}],
                stream=True,
                stream_options={"include_usage": True},
            )
            pieces, last = [], None
            async for chunk in chunks:
                pieces += [choice.delta.content or "" for choice in chunk.choices]
                last = chunk
            assert last is not None and last.usage is not None
            assert last.usage.prompt_tokens == -(-len(QUESTION.encode()) // 4)
            return whole.output_text, "".join(pieces)

    whole, streamed = asyncio.run(told())
    assert "potash" in whole
    assert streamed == whole


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_agent_finds_asks_and_reads_over_mcp(
    service: Any, base: dict[str, Any], secret: str, mode: Any
) -> None:
    async def told() -> list[Any]:
        headers = {"Authorization": f"Bearer {secret}"}
        async with (
            httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http,
            Client(streamable_http_client(f"{service.url}/mcp", http_client=http), mode=mode) as client,
        ):
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == {
                "search_square", "search_knowledge_base", "ask_knowledge_base", "read_document",
            }  # fmt: skip
            asked = {"knowledge_base": base["slug"]}
            return [
                await client.call_tool("search_square", {"query": "玫瑰"}),
                await client.call_tool("search_knowledge_base", asked | {"query": "feed roses", "top_k": 1}),
                await client.call_tool("ask_knowledge_base", asked | {"question": QUESTION}),
                await client.call_tool(
                    "ask_knowledge_base", {"knowledge_base": "none", "question": QUESTION}
                ),
            ]

    square, passages, answer, refused = asyncio.run(told())
    assert base["slug"] in [card["slug"] for card in square.structured_content["data"]]
    assert passages.structured_content["usage"]["billed_units"] == 1
    assert "potash" in answer.structured_content["text"]
    assert answer.structured_content["citations"]
    assert refused.is_error
    assert refused.structured_content["code"] == "knowledge_base_not_found"


def run(command: list[str], service: Any, base: dict[str, Any], secret: str) -> dict[str, Any]:
    """What a foreign client's program printed."""
    arguments = [f"{service.url}/openai/v1", secret, f"kb/{base['slug']}", QUESTION]
    proxies = {"http_proxy", "https_proxy", "all_proxy"}
    environment = {name: value for name, value in os.environ.items() if name.lower() not in proxies}
    environment.pop("PYTHONPATH", None)
    ran = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return dict(json.loads(ran.stdout))


def test_openais_client_for_node_is_answered(service: Any, base: dict[str, Any], secret: str) -> None:
    try:
        program, folder = bringing.node()
    except bringing.Unavailable as reason:
        pytest.skip(str(reason))
    script = folder / "openai_node.mjs"
    script.write_text((bringing.HERE / "openai_node.mjs").read_text())
    told = run([program, str(script)], service, base, secret)
    assert "potash" in told["content"]
    assert {told["streamed"], told["response"], told["events"]} == {told["content"]}
    place = told["annotations"][0]["url_citation"]
    assert told["content"][place["start_index"] : place["end_index"]] == "[1]"
    assert told["refused"] == [404, "model_not_found", "model"]


def test_langchain_and_llamaindex_are_answered(service: Any, base: dict[str, Any], secret: str) -> None:
    try:
        interpreter = bringing.python()
    except bringing.Unavailable as reason:
        pytest.skip(str(reason))
    script = str(bringing.HERE / "langchain_llamaindex.py")
    told = run([interpreter, script], service, base, secret)
    assert told.pop("langchain chat tokens") > 0
    assert told.pop("langchain responses tokens") > 0
    assert len(told) == 6
    (said,) = set(told.values())
    assert "potash" in said
