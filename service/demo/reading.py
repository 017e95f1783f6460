"""Steps 2 to 4: a reader finds, tries, subscribes, asks, opens what is cited, and tips."""

from hashlib import sha256
from typing import Any

from service.demo.cast import Cast, Person, Shelf
from service.demo.telling import Teller, fen, money, shortened

SHOWN_SECONDS = 10
PAID_SECONDS = 15

SEARCHES = (
    ("standard library module", "English"),
    ("标准库", "simplified, as it is written there"),
    ("標準庫", "traditional, finding simplified text"),
    ("实战课", "simplified, finding the traditional title"),
)
FREE_QUESTIONS = (
    "How do I pop the smallest item off the heap?",
    "Where does insort insert x if x is already in a?",
)
FOREIGN_QUESTION = "How long should sourdough bread rise before baking?"
PAID_QUESTION = "What happens to lru_cache if maxsize is set to None?"
TIP = 1000


async def find_and_try(teller: Teller, cast: Cast, shelf: Shelf) -> None:
    """Step 2: the square, the public page, a free document, two free questions, then 402 with the plans."""
    for query, how in SEARCHES:
        await _find(teller, shelf, query, how)
    await teller.page(f"/k/{shelf.slug}?ref=newsletter")
    reader = cast.reader
    await reader.register(teller)
    card = await teller.call("GET", f"/v1/knowledge-bases/{shelf.slug}", token=reader.token)
    free = card["free_documents"][0]
    path = f"/v1/knowledge-bases/{shelf.id}/documents/{free['id']}"
    document = await teller.call("GET", path, token=reader.token)
    teller.show("free", f"{document['title']}: {shortened(document['text'], 70)}")

    refused = await ask(teller, reader, shelf, FOREIGN_QUESTION)
    teller.check("what nothing supports is refused and costs no free question", refused["refused"], refused)
    for question in FREE_QUESTIONS:
        answer = await ask(teller, reader, shelf, question)
        teller.check("answered, with citations", bool(answer["citations"]), answer)
    left = answer["usage"]["remaining_free"]
    teller.check("both free questions are used", left == 0, answer["usage"])
    problem = await teller.call(
        "POST",
        f"/v1/knowledge-bases/{shelf.id}/ask",
        token=reader.token,
        expect=402,
        json={"question": PAID_QUESTION},
    )
    offered = {plan["id"] for plan in problem["plans"]}
    held = problem["code"] == "entitlement_required" and offered >= {*shelf.plans.values()}
    teller.check(f"the third meets {problem['code']} with the plans that would open it", held, problem)
    for plan in problem["plans"]:
        teller.show("plan", f"{money(plan['price'])} a {plan['interval']}")


async def subscribe_and_ask(teller: Teller, cast: Cast, shelf: Shelf) -> None:
    """Step 3: the hosted payment page, a grant by signed webhook, and a streamed, cited answer."""
    reader = cast.reader
    checkout = await teller.call(
        "POST",
        f"/v1/knowledge-bases/{shelf.id}/checkout",
        token=reader.token,
        expect=201,
        json={"plan_id": shelf.plans["month"]},
    )
    landed = await teller.pay(checkout["checkout_url"])
    if landed.startswith(teller.base_url):
        await teller.page(landed)

    async def active() -> dict[str, Any] | None:
        listed = await teller.call("GET", "/v1/subscriptions", token=reader.token, quiet=True)
        return next((one for one in listed["data"] if one["status"] == "active"), None)

    subscription = await teller.until("The subscription is active", active, seconds=PAID_SECONDS)
    until = subscription["current_period_end"]
    teller.check(f"paid; the webhook came; active until {until[:10]}", bool(until), subscription)

    teller.show("question", PAID_QUESTION)
    pieces: list[str] = []
    cited: list[dict[str, Any]] = []
    end, done = "", {}
    path = f"/v1/knowledge-bases/{shelf.id}/ask"
    async for event, data in teller.stream(path, token=reader.token, json={"question": PAID_QUESTION}):
        if event == "delta":
            pieces.append(data["text"])
            teller.show("delta", shortened(data["text"], 160))
        elif event == "citation":
            cited.append(data)
            teller.show("cites", cited_place(data))
        elif event in {"done", "error"}:
            end, done = event, data
    teller.check("the answer is streamed to its end", bool(pieces) and end == "done", (end, done))
    teller.check(f"with {len(cited)} citations", bool(cited), done)
    for citation in cited:
        await open_citation(teller, reader, citation)
    receipt = await teller.call("GET", f"/v1/receipts/{done['receipt_id']}")
    teller.show("receipt", f"signed: {shortened(str(receipt['signature']), 60)}")


async def tip(teller: Teller, cast: Cast, shelf: Shelf) -> None:
    """Step 4: a tip to the creator, on the same payment page."""
    body = {
        "knowledge_base_id": shelf.id,
        "price": {"amount": TIP, "currency": "cny"},
        "message": "謝謝，very clear!",
    }
    made = await teller.call("POST", "/v1/tips", token=cast.reader.token, expect=201, json=body)
    landed = await teller.pay(made["checkout_url"])
    if landed.startswith(teller.base_url):
        await teller.page(landed)
    teller.show("tip", f"{fen(TIP)} with the message 「{body['message']}」")


async def ask(teller: Teller, reader: Person, shelf: Shelf, question: str) -> Any:
    """Asks one knowledge base and shows the answer with what it cites."""
    path = f"/v1/knowledge-bases/{shelf.id}/ask"
    teller.show("question", question)
    answer = await teller.call("POST", path, token=reader.token, json={"question": question})
    teller.show("refused" if answer["refused"] else "answer", shortened(answer["text"], 240))
    for citation in answer["citations"]:
        teller.show("cites", cited_place(citation))
    return answer


async def open_citation(teller: Teller, reader: Person, citation: dict[str, Any]) -> None:
    """Opens the exact span a citation names and compares it, letter by letter and by its hash."""
    path = f"/v1/knowledge-bases/{citation['knowledge_base_id']}/documents/{citation['document_id']}"
    query = {"revision_id": citation["revision_id"]}
    document = await teller.call("GET", path, token=reader.token, params=query)
    span = document["text"][citation["start"] : citation["end"]]
    held = span == citation["quote"] and sha256(span.encode()).hexdigest() == citation["sha256"]
    claim = f"[{citation['start']}, {citation['end']}) of {citation['title']} is the quote, letter by letter"
    teller.check(claim, held, (span, citation))


def cited_place(citation: dict[str, Any]) -> str:
    """``functools › functools.reduce()``: where a person would look."""
    label = citation["locator"]["label"]
    return f"{citation['title']} › {label}" if label and label != citation["title"] else citation["title"]


async def _find(teller: Teller, shelf: Shelf, query: str, how: str) -> None:
    async def found() -> dict[str, Any] | None:
        page = await teller.call("GET", "/v1/square", params={"q": query}, quiet=True)
        return next((card for card in page["data"] if card["id"] == shelf.id), None)

    card = await teller.until(f"The square finds {shelf.title} by {query}", found, seconds=SHOWN_SECONDS)
    await teller.call("GET", "/v1/square", params={"q": query})
    teller.check(f"{query} ({how}) finds {card['title']}", card["slug"] == shelf.slug, card)
