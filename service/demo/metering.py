"""Step 5: an enterprise, its contract and its key, up to the spend cap; then its usage on Stripe's side."""

import re
import time
from typing import Any
from urllib.parse import urlsplit

from service.demo.cast import Cast, Shelf
from service.demo.telling import StoryBroken, Teller, fen, money, shortened

CONTRACT_SECONDS = 15
REPORT_SECONDS = 150
"""Two of the ordinary reports, which go out once a minute, and a bit: the story never hurries them."""

CAP = 60
SANDBOX_KEY = "sk_test_demo"
HOUR = 3600

QUERIES = ("merge sorted inputs", "split a string using shell-like syntax", "the middle value of data")
QUESTIONS = (
    "What does functools.reduce do?",
    "What does statistics.median return?",
    "What does heapq.nlargest return?",
    "What does bisect.insort do?",
)


async def use_by_contract(teller: Teller, cast: Cast, shelf: Shelf) -> None:
    """Metered calls until the cap refuses one; then their units at the meters and on the invoice."""
    person = cast.enterprise
    await person.register(teller)
    name = f"Wu Analytics{cast.suffix}"
    organizations = "/enterprise/v1/organizations"
    made = await teller.call("POST", organizations, token=person.token, expect=201, json={"name": name})
    path = f"{organizations}/{made['id']}"
    contract = await teller.call("POST", f"{path}/contract", token=person.token, expect=201)
    await teller.pay(contract["checkout_url"])
    teller.show("contract", f"{name}: the standard metered plan")

    cap = {"amount": CAP, "currency": "cny"}
    await teller.call("PUT", f"{path}/spend-cap", token=person.token, json=cap)
    key = {
        "name": "research agent",
        "scopes": ["passages:read", "answers:write"],
        "knowledge_base_ids": [shelf.id],
    }
    made = await teller.call("POST", f"{path}/keys", token=person.token, expect=201, json=key)
    teller.show("key", f"{made['secret'][:12]}…, shown once; hard cap {fen(CAP)} a month")

    units = await _spend(teller, shelf, made["secret"])
    usage = await teller.call("GET", f"{path}/usage", token=person.token)
    total = usage["total"]
    held = total["units"] == sum(units.values()) and 0 < total["amount"] <= CAP
    teller.check(f"counted: {total['units']} units, {money(total)} of a cap of {fen(CAP)}", held, usage)
    await _reach_the_meters(teller, contract["checkout_url"], units)
    preview = await teller.call("GET", f"{path}/invoice-preview", token=person.token)
    lines = preview["lines"]
    previewed = sum(line["units"] for line in lines)
    claim = f"the invoice preview shows the same {previewed} units, {money(preview['total'])} so far"
    teller.check(claim, previewed == total["units"], preview)


async def _spend(teller: Teller, shelf: Shelf, secret: str) -> dict[str, int]:
    """Calls until 402 ``spend_cap_reached``; the units billed, by meter."""
    units = {"passages": 0, "answers": 0}
    for query in QUERIES:
        found = await _passages(teller, shelf, secret, query)
        units["passages"] += found["usage"]["billed_units"]
        best = found["passages"][0]
        teller.show("passage", shortened(f"{best['title']}: {best['text']}", 160))
    for question in QUESTIONS:
        body = {"question": question, "knowledge_base_ids": [shelf.id]}
        answer = await teller.call("POST", "/api/v1/answers", token=secret, expect=None, json=body)
        if "id" not in answer:
            break
        units["answers"] += answer["usage"]["billed_units"]
        teller.show("answer", shortened(answer["text"], 160))
    refused = answer.get("code") == "spend_cap_reached" and answer.get("status") == 402
    teller.check("the next call meets spend_cap_reached, before any work", refused, answer)
    teller.check("both meters were used", all(units.values()), units)
    return units


async def _passages(teller: Teller, shelf: Shelf, secret: str, query: str) -> Any:
    """One passages call; the first waits until the contract's webhook has come."""
    body = {"query": query, "knowledge_base_ids": [shelf.id], "top_k": 3}

    async def admitted() -> Any:
        path = "/api/v1/passages"
        answer = await teller.call("POST", path, token=secret, expect=None, quiet=402, json=body)
        if answer.get("code") == "contract_required":
            return None
        if "passages" not in answer:
            raise StoryBroken(f"The key is served passages: it was answered {answer}")
        return answer

    return await teller.until("The contract is active", admitted, seconds=CONTRACT_SECONDS)


async def _reach_the_meters(teller: Teller, checkout_url: str, units: dict[str, int]) -> None:
    """Waits for the ordinary report, then reads the meters as Stripe's own dashboard would."""
    address = urlsplit(checkout_url)
    sandbox = f"{address.scheme}://{address.netloc}"
    session = re.search(r"cs_[A-Za-z0-9_]+", checkout_url)
    teller.check("the contract was taken out at the sandbox", session is not None, checkout_url)
    assert session is not None
    path = f"{sandbox}/v1/checkout/sessions/{session[0]}"
    customer = (await teller.call("GET", path, token=SANDBOX_KEY))["customer"]
    listed = await teller.call("GET", f"{sandbox}/v1/billing/meters", token=SANDBOX_KEY)
    meters = {meter["event_name"]: meter["id"] for meter in listed["data"]}

    async def reported() -> dict[str, int] | None:
        hour = int(time.time()) // HOUR * HOUR
        span = {"customer": customer, "start_time": hour - HOUR, "end_time": hour + HOUR}
        seen = {}
        for name, wanted in units.items():
            meter = next(meter for event, meter in meters.items() if name in event)
            summaries = f"{sandbox}/v1/billing/meters/{meter}/event_summaries"
            found = await teller.call("GET", summaries, token=SANDBOX_KEY, quiet=True, params=span)
            seen[name] = int(sum(one["aggregated_value"] for one in found["data"]))
            if seen[name] != wanted:
                return None
        return seen

    with teller.waiting("waiting for the ordinary report, which goes out once a minute"):
        seen = await teller.until("The usage is at the meters", reported, seconds=REPORT_SECONDS)
    told = ", ".join(f"{name} {count}" for name, count in seen.items())
    teller.check(f"the sandbox's meters have it: {told}", seen == units, seen)
