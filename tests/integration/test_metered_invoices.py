"""From calls to an organization's invoice: each unit on one line, each line opened down to its calls."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from service.platform.database import Database
from tests.contract.sandbox_process import Sandbox
from tests.integration.clocks import keep_time
from tests.integration.companies import Company, advance_to, found_company, month_end
from tests.integration.selling import Shop, shop_open

DAY = 86_400


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        await keep_time(opened)
        yield opened


async def billed_month(company: Company) -> str:
    """Past the month's end and the draft's grace; the paid invoice's id here."""
    end = await month_end(company)
    await advance_to(company, end)
    await company.shop.settle("invoice.created")
    await company.report()
    await advance_to(company, end + timedelta(hours=25))
    await company.shop.settle("invoice.paid")
    return str(
        await company.one(
            "SELECT id FROM metered_invoice WHERE organization_id = :org AND total > 0"
            " ORDER BY created_at DESC LIMIT 1"
        )
    )


async def test_a_months_invoice_is_what_its_calls_came_to(shop: Shop) -> None:
    company = await found_company(shop, included_answers=2, price_passages=50)
    await company.call(5)
    await company.call(3, "passages")
    assert await company.report() == 2
    preview = await company.get("/invoice-preview")
    assert preview["total"] == {"amount": 3 * 20 + 3 * 50, "currency": "cny"}
    usage = await company.get("/usage")
    assert usage["total"]["amount"] == preview["total"]["amount"]
    id = await billed_month(company)
    [(total, paid, status)] = await company.rows(
        "SELECT total, amount_paid, status FROM metered_invoice WHERE id = CAST(:id AS uuid)", id=id
    )
    assert (total, paid, status) == (210, 0, "paid")  # too little to charge: it is on the next one
    lines = await company.rows(
        "SELECT meter, quantity, included, amount, difference, late FROM invoice_line"
        " WHERE invoice_id = CAST(:id AS uuid) ORDER BY meter",
        id=id,
    )
    assert lines == [("answers", 5, 2, 60, 0, False), ("passages", 3, 0, 150, 0, False)]
    assert await company.rows("SELECT total, billed, due FROM usage_bucket ORDER BY meter") == [
        (5, 5, False),
        (3, 3, False),
    ]
    listed = (await company.get("/invoices"))["data"]
    assert listed[0]["id"] == id
    shown = await company.get(f"/invoices/{id}")
    assert shown["total"] == preview["total"]
    calls: set[str] = set()
    for line in shown["lines"]:
        events: list[dict[str, Any]] = []
        cursor = None
        while True:
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = await company.get(f"/invoices/{id}/lines/{line['id']}/events", **query)
            events += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert sum(event["units"] for event in events) == line["quantity"]
        assert {event["meter"] for event in events} == {line["meter"]}
        assert calls.isdisjoint(event["call_id"] for event in events)
        calls |= {event["call_id"] for event in events}
    assert len(calls) == 8
    await company.get(f"/invoices/{uuid4()}", expect=404)
    await company.get(f"/invoices/{id}/lines/{uuid4()}/events", expect=404)
    stranger = await shop.reader("stranger")
    await shop.call("GET", f"{company.path}/invoices/{id}", stranger, expect=404)


async def test_a_draft_waits_for_usage_that_could_not_be_sent_in_time(shop: Shop) -> None:
    """Stripe is down for six hours across a month's end: its totals are on the month's own invoice."""
    company = await found_company(shop, price_answers=500)
    end = await month_end(company)
    await advance_to(company, end - timedelta(hours=2))
    await company.call(2)
    await company.report()
    shop.sandbox.control("faults", {"outage": True})
    await company.call(3)
    assert await company.report() == 0
    await advance_to(company, end + timedelta(minutes=20))
    await company.call(1)  # the next month's: access goes on
    assert await company.report() == 0
    shop.sandbox.control("faults", method="DELETE")
    await shop.settle("invoice.created")
    finalizes_at = await company.one(
        "SELECT finalizes_at FROM metered_invoice WHERE status = 'draft' AND organization_id = :org"
    )
    assert finalizes_at >= end + timedelta(hours=24)
    await advance_to(company, end + timedelta(hours=6))
    assert await company.report() == 2
    await advance_to(company, end + timedelta(hours=25))
    await shop.settle("invoice.paid")
    lines = await company.rows(
        "SELECT quantity, amount, difference, late FROM invoice_line WHERE organization_id = :org"
    )
    assert lines == [(5, 2500, 0, False)]
    assert (await company.get("/invoice-preview"))["total"]["amount"] == 500


async def test_usage_that_missed_its_invoice_is_an_item_of_the_next_one(shop: Shop) -> None:
    company = await found_company(shop, price_answers=500, included_answers=1)
    await company.call(2)
    await company.report()
    slow = await company.admitted()
    shop.sandbox.control("faults", {"outage": True})
    end = await month_end(company)
    await company.settled(slow)
    await company.call(2)
    shop.sandbox.control("advance", {"seconds": int((end - await company.now()).total_seconds()) + 1})
    shop.sandbox.control("advance", {"seconds": 2 * 3600})
    await keep_time(shop)
    shop.sandbox.control("faults", method="DELETE")
    await shop.settle("invoice.finalized")
    assert await company.rows("SELECT total, billed, due FROM usage_bucket") == [(5, 2, True)]
    assert await company.report() == 0
    assert await company.report() == 0
    late = await company.rows(
        "SELECT meter, quantity, included, amount, stripe_item_id IS NOT NULL, invoice_id FROM invoice_line"
        " WHERE late AND organization_id = :org"
    )
    assert late == [("answers", 3, 0, 1500, True, None)]
    await company.call(2)
    await company.report()
    assert (await company.get("/invoice-preview"))["total"]["amount"] == 1500 + 500
    id = await billed_month(company)
    lines = await company.rows(
        "SELECT quantity, amount, late FROM invoice_line WHERE invoice_id = CAST(:id AS uuid) ORDER BY late",
        id=id,
    )
    assert lines == [(2, 500, False), (3, 1500, True)]
    assert await company.one("SELECT sum(amount)::int FROM usage_event") == 500 + 1500 + 500
    assert await company.rows("SELECT sum(total)::int, sum(billed)::int FROM usage_bucket") == [(7, 7)]


async def test_usage_that_missed_the_last_invoice_of_an_ended_contract_has_one_of_its_own(shop: Shop) -> None:
    company = await found_company(shop, price_answers=500)
    await company.call(1)
    await company.report()
    slow = await company.admitted()
    await advance_to(company, await company.now() + timedelta(seconds=5))
    [(subscription_id,)] = await company.rows(
        "SELECT stripe_subscription_id FROM contract WHERE organization_id = :org"
    )
    await shop.context.payments.cancel_subscription(
        subscription_id, invoice_now=True, idempotency_key=str(uuid4())
    )
    await company.settled(slow)
    await shop.settle("customer.subscription.deleted", "invoice.paid")
    await company.report()
    await advance_to(company, await company.now() + timedelta(hours=2))
    await company.report()
    await shop.settle("invoice.created")
    await advance_to(company, await company.now() + timedelta(hours=2))
    await shop.settle("invoice.finalized")
    assert await company.rows(
        "SELECT l.quantity, l.amount, l.late, i.status IN ('open', 'paid') FROM invoice_line l"
        " JOIN metered_invoice i ON i.id = invoice_id WHERE l.organization_id = :org ORDER BY late"
    ) == [(1, 500, False, True), (1, 500, True, True)]
