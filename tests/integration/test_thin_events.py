"""What Stripe finds out about meter events later, and secrets of webhooks that are replaced."""

import json
import time
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
import stripe

from billing.processor.stripe_gateway import StripeGateway
from billing.processor.usage import MeterProblem
from service.platform.database import Database
from tests.contract.sandbox_process import SECRET, Sandbox
from tests.integration.clocks import keep_time
from tests.integration.companies import Company, found_company
from tests.integration.selling import Shop, shop_open

PROBLEM = "v1.billing.meter.error_report_triggered"


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        await keep_time(opened)
        yield opened


async def bucket(company: Company) -> tuple[object, ...]:
    [row] = await company.rows(
        "SELECT total, revision, sent_total, rejected, due FROM usage_bucket WHERE organization_id = :org"
    )
    return row


async def test_usage_of_a_customer_that_stripe_does_not_know_becomes_a_dead_letter(shop: Shop) -> None:
    company = await found_company(shop)
    async with shop.context.database.transaction() as session:
        await session.execute(sa.text("UPDATE contract SET stripe_customer_id = 'cus_nobody'"))
    await company.call(2)
    assert await company.report() == 1
    assert await bucket(company) == (2, 1, 2, None, False)
    await shop.settle(PROBLEM)
    assert await bucket(company) == (2, 1, 0, "meter_event_customer_not_found", False)
    assert await company.report() == 0


async def test_usage_that_met_no_meter_is_sent_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    company = await found_company(shop)
    await company.call(1)
    await company.report()
    identifier = await company.one(
        "SELECT format('%s:answers:%s:1', organization_id, to_char(hour AT TIME ZONE 'UTC', :how))"
        " FROM usage_bucket WHERE organization_id = :org",
        how='YYYYMMDD"T"HH24',
    )

    async def read(_self: object, event_id: str) -> MeterProblem:
        assert event_id == "evt_test_no_meter"
        return MeterProblem({identifier: "no_meter", "somebody else's": "no_meter"}, 2, "no meter")

    # The sandbox refuses at once what has no meter, which Stripe finds out later.
    monkeypatch.setattr(StripeGateway, "read_meter_problem", read)
    event = {
        "id": "evt_test_no_meter",
        "object": "v2.core.event",
        "type": "v1.billing.meter.no_meter_found",
        "created": "2026-11-21T00:00:00.000Z",
        "livemode": False,
    }
    await shop.deliver([json.dumps(event)])
    await shop.work()
    assert await bucket(company) == (1, 1, 1, None, True)
    assert await company.report() == 1
    assert await bucket(company) == (1, 2, 1, None, False)
    units = {line["meter"]: line["units"] for line in (await company.get("/invoice-preview"))["lines"]}
    assert units["answers"] == 1


@pytest.mark.parametrize(
    ("path", "kind"), [("/webhooks/stripe", "event"), ("/webhooks/stripe/thin", "v2.core.event")]
)
async def test_secrets_are_replaced_one_after_the_other(shop: Shop, path: str, kind: str) -> None:
    created = "2026-11-21T00:00:00Z" if kind == "v2.core.event" else int(time.time())
    for number, (secret, status) in enumerate(
        (("whsec_new", 200), (SECRET, 200), ("whsec_of_last_year", 400), ("", 400))
    ):
        event = {"id": f"evt_{kind}_{number}", "object": kind, "type": "anything", "created": created}
        body = json.dumps(event)
        signature = stripe.WebhookSignature.generate_signature_header(body, secret)
        answer = await shop.client.post(path, content=body, headers={"stripe-signature": signature})
        assert answer.status_code == status, (secret, answer.text)
        other = path.removesuffix("/thin") if path.endswith("thin") else f"{path}/thin"
        wrong = await shop.client.post(other, content=body, headers={"stripe-signature": signature})
        assert wrong.status_code == 400
