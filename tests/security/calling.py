"""Everything that one key can get of a service: over the API, as OpenAI's, and as tools for agents."""

import json
import re
from typing import Any

from tests.security.market import Market
from tests.security.plain import Seen, plain, unknown
from tests.security.worlds import World, stands_in

_FROM = re.compile(r'("id": ?|"item_id": ?)"(?:msg|resp|chatcmpl)[-_][^"]*"')


async def call(market: Market, world: World, known: World) -> Seen:
    """What the key of ``market`` gets of what is in ``known``, for every question of ``world``; and that the
    other bases of ``world`` are refused as what does not exist."""
    seen: Seen = {}

    async def send(label: str, method: str, path: str, **request: Any) -> None:
        answer = await market.send("key", method, path, **request)
        seen[label] = f"{answer.status_code} {_FROM.sub('<id>', plain(market, answer.text))}"

    async def tool(label: str, name: str, **arguments: Any) -> None:
        told = await _tool(market, name, arguments)
        seen[f"MCP {label}"] = plain(market, json.dumps(told, ensure_ascii=False, separators=(",", ":")))

    names = [base.name for base in known.bases]
    ids, slugs = [market.ids[name] for name in names], [market.slugs[name] for name in names]
    models = [f"kb/{slug}" for slug in slugs] + ([f"kb/{'+'.join(slugs)}"] if len(slugs) > 1 else [])
    await send("models", "GET", "/openai/v1/models")
    for number, question in enumerate(world.questions):
        body = {"query": question, "knowledge_base_ids": ids, "top_k": 20}
        await send(f"passages {question}", "POST", "/api/v1/passages", json=body)
        body = {"question": question, "knowledge_base_ids": ids}
        await send(f"answers {question}", "POST", "/api/v1/answers", json=body)
        # Of one person; of a word that a closed text may hold; of words that many texts hold.
        for model in models[number % 2 :: 2] if number in (1, 3, 4) else ():
            streamed = number % 2 == 1
            label, named = f"{plain(market, model)} {question}", {"model": model, "stream": streamed}
            messages = [{"role": "user", "content": text} for text in (world.questions[0], question)]
            await send(
                f"chat {label}", "POST", "/openai/v1/chat/completions", json=named | {"messages": messages}
            )
            await send(f"response {label}", "POST", "/openai/v1/responses", json=named | {"input": question})
            asked = {"knowledge_base": model.removeprefix("kb/")}
            await tool(f"search {label}", "search_knowledge_base", query=question, **asked)
            await tool(f"ask {label}", "ask_knowledge_base", question=question, **asked)
    for base, slug in zip(known.bases, slugs, strict=True):
        await send(f"model {base.name}", "GET", f"/openai/v1/models/kb/{slug}")
        for document in base.documents:
            if document.name != stands_in(base):
                wanted = {"knowledge_base": slug, "document_id": market.ids[document.name]}
                await tool(f"read {document.name}", "read_document", **wanted)
    for name in unknown(market, world, known):
        slug, question = market.slugs[name], world.questions[0]
        await send(f"no model {name}", "GET", f"/openai/v1/models/kb/{slug}")
        asking = {"model": f"kb/{slug}", "input": question}
        await send(f"no response {name}", "POST", "/openai/v1/responses", json=asking)
        body = {"question": question, "knowledge_base_ids": [market.ids[name]]}
        await send(f"no answers {name}", "POST", "/api/v1/answers", json=body)
        await tool(f"no search of {name}", "search_knowledge_base", knowledge_base=slug, query=question)
    await _square(market, world)
    return seen


async def _square(market: Market, world: World) -> None:
    """The square is not of a key, but everybody's: by MCP it is what it is to who has signed in nowhere."""
    for query in world.questions[:2]:
        told = await _tool(market, "search_square", {"query": query})
        shown = await market.made("nobody", "GET", "/v1/square", params={"q": query, "limit": 10})
        cards = [card["slug"] for card in told["structuredContent"]["data"]]
        assert cards == [card["slug"] for card in shown["data"]]


async def _tool(market: Market, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    body = {
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": name, "arguments": arguments},
    }  # fmt: skip
    headers = {"accept": "application/json, text/event-stream"}
    return dict((await market.made("key", "POST", "/mcp", json=body, headers=headers))["result"])
