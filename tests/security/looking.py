"""Everything that one asker can get of a service, written so that two services can be compared."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from tests.security.calling import call
from tests.security.market import Market
from tests.security.plain import Seen, plain, unknown
from tests.security.worlds import World, stands_in

HISTORY = "history:"
"""What tells how it came to be as it is: of two services of the same content, each its own."""
FORMATS = ("json", "markdown", "opml", "svg")


async def look(market: Market, world: World, asker: str, known: World) -> Seen:
    """What ``asker`` gets at every address of what is in ``known``, and for every question of ``world``."""
    seen: Seen = {}

    async def get(label: str, path: str, **query: Any) -> None:
        answer = await market.send(asker, "GET", path, params=query)
        seen[f"GET {label} {query or ''}"] = f"{answer.status_code} {plain(market, answer.text)}"

    if asker == "key":
        return await call(market, world, known)
    for label, path in _addresses(market, known):
        await get(label, path)
    for name, path in _closed(market, world, known):
        await get(f"closed {name}", path)
        await get(f"outline of closed {name}", f"{path}/outline")
    for query in (world.questions[-1], world.questions[0], next(iter(world.questions[3:]))):
        await get("square", "/v1/square", q=query)
    for base in known.bases:
        path = f"/knowledge-bases/{market.ids[base.name]}"
        for form in FORMATS:
            await get(f"outline of {base.name}", f"/v1{path}/outline", format=form)
        await get(f"{HISTORY} changes of {base.name}", f"/v1{path}/changes", limit=100)
        if base.owner == asker:
            await get(f"own outline of {base.name}", f"/creator/v1{path}/outline")
            await get(f"own {base.name}", f"/creator/v1{path}/documents")
            await market.made(asker, "POST", f"/creator/v1{path}/packaging")
            await market.work()
            await get(f"own packaging of {base.name}", f"/creator/v1{path}/packaging")
    for name in unknown(market, world, known):
        path = f"/v1/knowledge-bases/{market.slugs[name]}"
        for address in (path, f"{path}/documents", f"{path}/outline", f"/k/{market.slugs[name]}"):
            await get(f"not to be seen {plain(market, address)}", address)
    if asker != "nobody":
        await _ask(market, world, asker, known, seen)
        await get("conversations", "/v1/conversations")
    return seen


def _addresses(market: Market, known: World) -> Iterator[tuple[str, str]]:
    yield "square", "/v1/square"
    yield "square page", "/"
    for name in ("creator1", "creator2"):
        yield f"page of {name}", f"/@{name}"
    for base in known.bases:
        path = f"/v1/knowledge-bases/{market.slugs[base.name]}"
        yield base.name, path
        yield f"documents of {base.name}", f"{path}/documents"
        yield f"page of {base.name}", f"/k/{market.slugs[base.name]}"
        yield f"{HISTORY} feed of {base.name}", f"/k/{market.slugs[base.name]}/changes.atom"
        for document in base.documents:
            if document.name != stands_in(base):
                yield document.name, f"{path}/documents/{market.ids[document.name]}"
                yield f"outline of {document.name}", f"{path}/documents/{market.ids[document.name]}/outline"


def _closed(market: Market, world: World, known: World) -> Iterator[tuple[str, str]]:
    """The addresses of what a base has and the asker may not open, and of what it has no more."""
    open_ones = {base.name: {document.name for document in base.documents} for base in known.bases}
    for base in world.bases:
        for document in base.documents if base.name in open_ones else ():
            if document.name not in open_ones[base.name]:
                # Where it does not exist, its stand-in does, and a document that is gone was never there.
                there = str(uuid4()) if document.removed else market.ids.get(stands_in(base), "")
                id = market.ids.setdefault(document.name, there)
                yield document.name, f"/v1/knowledge-bases/{market.slugs[base.name]}/documents/{id}"


async def _ask(market: Market, world: World, asker: str, known: World, seen: Seen) -> None:
    ids = [market.ids[base.name] for base in known.bases]
    for number, question in enumerate(world.questions):
        body = {"question": question, "knowledge_base_ids": ids}
        kinds = [{"idempotency-key": f"k{number}"}] * 2 if number == 0 else [{}]
        kinds = [{"accept": "text/event-stream"}] if number == 1 else kinds
        for headers in kinds:
            answer = await market.send(asker, "POST", "/v1/ask", json=body, headers=headers)
            seen[f"ask {question} {headers}"] = f"{answer.status_code} {plain(market, answer.text)}"
        if number != 1 and answer.status_code == 200:
            await _read_again(market, asker, answer.json(), question, seen)
    for base in known.bases:
        path = f"/v1/knowledge-bases/{market.slugs[base.name]}/ask"
        answer = await market.send(asker, "POST", path, json={"question": world.questions[0]})
        seen[f"ask {base.name}"] = f"{answer.status_code} {plain(market, answer.text)}"


async def _read_again(market: Market, asker: str, answer: dict[str, Any], question: str, seen: Seen) -> None:
    for who in (asker, "nobody"):
        receipt = await market.send(who, "GET", f"/v1/receipts/{answer['receipt_id']}")
        seen[f"receipt {question} {who}"] = plain(market, receipt.text)
    page = await market.send("nobody", "GET", f"/r/{answer['receipt_id']}")
    seen[f"receipt page {question}"] = plain(market, re.sub(r"[A-Za-z0-9_-]{24,}", "<signed>", page.text))
    path = f"/v1/conversations/{answer['conversation_id']}"
    seen[f"conversation {question}"] = plain(market, (await market.send(asker, "GET", path)).text)
    path = f"/v1/answers/{answer['id']}"
    seen[f"answer {question}"] = plain(market, (await market.send(asker, "GET", path)).text)


def told(market: Market, requests: list[dict[str, Any]]) -> list[str]:
    """Every prompt that the model was given."""
    return [plain(market, json.dumps(request["messages"], ensure_ascii=False)) for request in requests]
