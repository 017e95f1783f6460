"""Usage, spend cap, contract and invoice preview over the application itself, without a socket."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest

from billing.processor.port import CheckoutSnapshot, InvoiceLine, InvoiceSnapshot, MeterPrices
from service.access.admission import SpendCapReached
from service.enterprise_api.router import router as enterprise_api
from service.platform.database import Database
from service.subscriber_api.accounts import router as sign_in
from service.usecases.admit_calls import Call, KeyPrincipal, admit_call
from service.usecases.context import Context
from service.usecases.settle_calls import Outcome, settle_call
from tests.integration.metering import Customer, context_of, make_knowledge_base, run
from tests.integration.serving import serving


class Payments:
    """Answers what the contract's use cases ask, and remembers the pages it opened."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        self.expired: list[str] = []

    async def create_customer(self, **_: Any) -> str:
        return "cus_test"

    async def ensure_metered_prices(self, *, unit_amounts: Any, **_: Any) -> MeterPrices:
        return MeterPrices({m: f"mtr_{m}" for m in unit_amounts}, {m: f"price_{m}" for m in unit_amounts})

    async def create_checkout(self, request: Any, *, idempotency_key: str) -> CheckoutSnapshot:
        self.requests.append(request)
        id = f"cs_{len(self.requests)}"
        return CheckoutSnapshot(id, f"http://pay/{id}", request.mode, "open", "unpaid", request.metadata)

    async def expire_checkout(self, session_id: str, *, idempotency_key: str) -> None:
        self.expired.append(session_id)

    async def preview_invoice(self, *, customer_id: str, subscription_id: str | None) -> InvoiceSnapshot:
        now = datetime.now(UTC)
        line = InvoiceLine("Zhihao API: answers", 40, 2, "price_answers", now, now)
        return InvoiceSnapshot(None, customer_id, None, None, "cny", 40, 0, 40, 0, now, now, (line,))


@pytest.fixture
def payments() -> Payments:
    return Payments()


@pytest.fixture
def context(database: Database, payments: Payments) -> Context:
    made = context_of(database, gate=False, secret_key="a secret of the tests, long enough")
    return dataclasses.replace(made, payments=cast(Any, payments))


@pytest.fixture
async def http(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(context, [sign_in, enterprise_api]) as client:
        await sign_up(client)
        yield client


async def sign_up(client: httpx.AsyncClient) -> None:
    body = {"email": f"{uuid4().hex}@example.com", "password": "long enough", "display_name": "Wu"}
    made = await client.post("/auth/register", json=body)
    assert made.status_code == 201, made.text
    client.headers["Authorization"] = f"Bearer {made.json()['access_token']}"


async def organization(client: httpx.AsyncClient) -> str:
    made = await client.post("/enterprise/v1/organizations", json={"name": "Wu Analytics"})
    assert made.status_code == 201, made.text
    return f"/enterprise/v1/organizations/{made.json()['id']}"


async def test_the_contract_is_a_page_to_subscribe_on(http: httpx.AsyncClient, payments: Payments) -> None:
    path = await organization(http)
    first = await http.post(f"{path}/contract", headers={"Idempotency-Key": "k1"})
    assert (first.status_code, first.json()["checkout_url"]) == (201, "http://pay/cs_1")
    again = await http.post(f"{path}/contract", headers={"Idempotency-Key": "k1"})
    assert again.json() == first.json()
    request = payments.requests[0]
    assert (request.mode, request.metadata["kind"]) == ("subscription", "contract")
    assert [item.price_id for item in request.line_items] == [
        "price_passages",
        "price_answers",
        "price_creator_prices",
    ]
    anchor = request.billing_cycle_anchor
    assert (anchor.day, anchor.hour, anchor.minute, anchor > datetime.now(UTC)) == (1, 0, 0, True)
    assert (await http.post(f"{path}/contract")).json()["checkout_url"] == "http://pay/cs_2"
    assert payments.expired == ["cs_1"]
    assert (await http.get(f"{path}/invoice-preview")).json()["code"] == "contract_required"


async def test_a_spend_cap_holds_from_its_acknowledgement_on(
    http: httpx.AsyncClient, context: Context
) -> None:
    path = await organization(http)
    customer = await key_of(context, path)
    base = await make_knowledge_base(context.database)

    async def call() -> None:
        admission = await admit_call(
            context, Call(uuid4(), KeyPrincipal(customer.secret_hash), "answers", (base,))
        )
        await settle_call(context, admission, Outcome(1, (base,)))

    cap = {"amount": 20, "currency": "cny"}
    set_to = await http.put(f"{path}/spend-cap", json=cap)
    assert (set_to.status_code, set_to.json()) == (200, cap)
    assert (await http.get(f"{path}/spend-cap")).json() == cap
    await call()
    with pytest.raises(SpendCapReached):
        await call()
    lifted = await http.put(f"{path}/spend-cap", content="null", headers={"Content-Type": "application/json"})
    assert (lifted.status_code, lifted.json()) == (200, None)
    assert (await http.get(f"{path}/spend-cap")).json() is None
    await call()
    await http.put(f"{path}/spend-cap", json={"amount": 0, "currency": "cny"})
    with pytest.raises(SpendCapReached):
        await call()
    for bad in ({"amount": 5, "currency": "usd"}, {"amount": -1, "currency": "cny"}, {"amount": 1}, 7):
        assert (await http.put(f"{path}/spend-cap", json=bad)).status_code == 400

    used = (await http.get(f"{path}/usage")).json()
    assert used["total"] == {"units": 2, "amount": 40, "currency": "cny"}
    today = datetime.now(UTC).date().isoformat()
    assert used["data"] == [{"day": today, "meter": "answers", "units": 2, "amount": 40, "currency": "cny"}]
    by_key = (await http.get(f"{path}/usage", params={"group_by": "key"})).json()
    assert by_key["data"][0]["key_id"] == str(customer.key_id)
    by_base = (await http.get(f"{path}/usage", params={"group_by": "knowledge_base"})).json()
    assert by_base["data"][0]["knowledge_base_id"] == str(base)
    for asked in ({"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}):
        sheet = await http.get(f"{path}/usage", **cast(Any, asked))
        assert sheet.headers["content-type"].startswith("text/csv")
        assert sheet.content.decode("utf-8-sig").splitlines() == [
            "day,meter,units,amount,currency",
            f"{today},answers,2,40,cny",
        ]
    span = {"from": "2020-01-01T00:00:00Z", "to": "2020-02-01T00:00:00Z"}
    assert (await http.get(f"{path}/usage", params=span)).json()["total"]["units"] == 0
    assert (await http.get(f"{path}/usage", params={"group_by": "mood"})).status_code == 400
    preview = (await http.get(f"{path}/invoice-preview")).json()
    assert preview["total"] == {"amount": 40, "currency": "cny"}
    assert [(line["units"], line["amount"]) for line in preview["lines"]] == [(2, 40)]
    assert [(line["meter"], line["units"]) for line in preview["recorded"]] == [("answers", 2)]
    await sign_up(http)
    for foreign in ("usage", "invoice-preview"):
        assert (await http.get(f"{path}/{foreign}")).status_code == 404
    assert (await http.put(f"{path}/spend-cap", json=cap)).status_code == 404
    assert (await http.post(f"{path}/contract")).status_code == 404


async def key_of(context: Context, path: str) -> Customer:
    """A key of the organization, and its contract in force."""
    organization_id = UUID(path.rsplit("/", 1)[1])
    customer = Customer(organization_id)
    await run(
        context.database,
        """
        WITH key AS (
          INSERT INTO api_key (id, organization_id, name, mode, shown, scopes, created_by, created_at)
          VALUES (:key, :org, 'k', 'live', 'zh', ARRAY['answers:write'], :org, zhihao_now())
        ), contract AS (
          INSERT INTO contract (organization_id, status, stripe_customer_id, created_at, updated_at)
          VALUES (:org, 'active', 'cus_test', zhihao_now(), zhihao_now())
        ) SELECT 1
        """,
        key=customer.key_id,
        org=organization_id,
    )
    await run(
        context.database,
        "INSERT INTO api_key_secret (secret_hash, key_id, created_at) VALUES (:h, :k, zhihao_now())",
        h=customer.secret_hash,
        k=customer.key_id,
    )
    return customer
