"""Everything that one asker can get of a service, written so that two services can be compared."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.security.market import Market
from tests.security.worlds import World

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)|\b\d{4}-\d\d-\d\d\b")
_NONCE = re.compile(r"passage-[0-9a-f]{12}")
_SIGNED = re.compile(
    r'"(?:jws|kid|signature|signed|next_cursor|resume_cursor|question_hash|answer_hash|question_salt|answer_salt|salt)":\s*"[^"]*"'
    r'|"(?:seen_hashes|cited_hashes)":\s*\[[^\]]*\]'
)
# How many documents a base sells is told to everybody; how many of them there are here is not under test.
_SOLD = re.compile(r'(?<="paid":)\d+(?=\})|\d+(?= (?:篇付费文档|paid document))')
HISTORY = "history:"
"""What tells how it came to be as it is: of two services of the same content, each its own."""
FORMATS = ("json", "markdown", "opml", "svg")

Seen = dict[str, str]


def plain(market: Market, text: str) -> str:
    """A response without what differs between two services of the same content."""
    for name, id in market.ids.items():
        text = text.replace(id, f"<{name}>")
    for name, slug in market.slugs.items():
        text = text.replace(slug, f"<{name}>")
    text = _SOLD.sub("#", _SIGNED.sub("<signed>", text))
    return _TIME.sub("<time>", _NONCE.sub("passage-#", _UUID.sub("<id>", text)))


async def look(market: Market, world: World, asker: str, known: World) -> Seen:
    """What ``asker`` gets at every address of what is in ``known``, and for every question of ``world``."""
    seen: Seen = {}

    async def get(label: str, path: str, **query: Any) -> None:
        answer = await market.send(asker, "GET", path, params=query)
        seen[f"GET {label} {query or ''}"] = f"{answer.status_code} {plain(market, answer.text)}"

    if asker == "key":
        await _ask_by_key(market, world, known, seen)
        return seen
    for label, path in _addresses(market, known):
        await get(label, path)
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
            if document.name != "other":
                yield document.name, f"{path}/documents/{market.ids[document.name]}"
                yield f"outline of {document.name}", f"{path}/documents/{market.ids[document.name]}/outline"


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


async def _ask_by_key(market: Market, world: World, known: World, seen: Seen) -> None:
    ids = [market.ids[base.name] for base in known.bases]
    for question in world.questions:
        for label, path, body in (
            ("passages", "/api/v1/passages", {"query": question, "knowledge_base_ids": ids, "top_k": 20}),
            ("answers", "/api/v1/answers", {"question": question, "knowledge_base_ids": ids}),
        ):
            answer = await market.send("key", "POST", path, json=body)
            seen[f"{label} {question}"] = f"{answer.status_code} {plain(market, answer.text)}"


def told(market: Market, requests: list[dict[str, Any]]) -> list[str]:
    """Every prompt that the model was given."""
    return [plain(market, json.dumps(request["messages"], ensure_ascii=False)) for request in requests]
