"""Subscriptions are changed: dearer at once, cheaper with the next period, their price after a notice."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from billing.subscriptions import changes
from service.platform.database import Database
from service.usecases.settle_change import sweep_changes
from tests.contract.sandbox_process import Sandbox
from tests.contract.stripe_contract import watched
from tests.integration.clocks import advance, keep_time
from tests.integration.selling import DECLINED, FAILS_LATER, PAYS, Shop, shop_open
from tests.integration.serving import SignedIn
from tests.integration.subscribing import another_card, leave, read, with_card

CHANGES = "SELECT kind, status FROM plan_change ORDER BY created_at, id"
YEARLY = {"interval": "year", "price": {"amount": 9900, "currency": "cny"}}
DEARER = {"interval": "month", "price": {"amount": 1990, "currency": "cny"}}


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    with watched():
        async with shop_open(database, till) as opened:
            await keep_time(opened)
            yield opened
            await leave(opened)


async def patch(shop: Shop, reader: SignedIn, subscription: Any, expect: int = 200, **body: Any) -> Any:
    return await shop.call("PATCH", f"/v1/subscriptions/{subscription['id']}", reader, body, expect)


async def test_a_declined_upgrade_leaves_the_old_plan_and_says_where_to_pay(shop: Shop) -> None:
    reader, plan, dearer = await shop.reader(), await shop.plan(), await shop.plan(**DEARER)
    subscription = await with_card(shop, reader, plan, FAILS_LATER)
    declined = await patch(shop, reader, subscription, plan_id=dearer["id"])
    assert (declined["plan_id"], declined["status"]) == (plan["id"], "active")
    assert (declined["pending_plan_id"], declined["pending_change"]["kind"]) == (dearer["id"], "upgrade")
    assert declined["payment_url"].startswith(shop.sandbox.url)
    [grant] = await shop.rows("SELECT revoked_at FROM access_grant")
    assert grant.revoked_at is None
    await shop.settle()
    assert (await read(shop, reader))["plan_id"] == plan["id"]
    # Paid on the page, the change is made.
    await another_card(shop, reader)
    [row] = await shop.rows("SELECT stripe_subscription_id FROM subscription")
    open_invoice = (
        await shop.context.payments.retrieve_subscription(row.stripe_subscription_id)
    ).latest_invoice_id
    async with shop.sandbox.client() as client:
        await client.v1.invoices.pay_async(open_invoice or "")
    await shop.settle("invoice.paid", "customer.subscription.pending_update_applied")
    paid = await read(shop, reader)
    assert (paid["plan_id"], paid["pending_change"], paid["payment_url"]) == (dearer["id"], None, None)
    assert [tuple(row) for row in await shop.rows(CHANGES)] == [("upgrade", "applied")]


async def test_an_upgrade_nobody_pays_expires_or_is_taken_back(shop: Shop) -> None:
    reader, plan, dearer = await shop.reader(), await shop.plan(), await shop.plan(**DEARER)
    subscription = await with_card(shop, reader, plan, FAILS_LATER)
    await patch(shop, reader, subscription, plan_id=dearer["id"])
    await advance(shop, 1, "customer.subscription.pending_update_expired")
    expired = await read(shop, reader)
    assert (expired["plan_id"], expired["pending_change"], expired["payment_url"]) == (plan["id"], None, None)
    await patch(shop, reader, subscription, plan_id=dearer["id"])
    back = await patch(shop, reader, subscription, plan_id=plan["id"])
    assert (back["plan_id"], back["pending_change"], back["payment_url"]) == (plan["id"], None, None)
    assert [tuple(row) for row in await shop.rows(CHANGES)] == [("upgrade", "expired")] * 2
    assert [row.amount for row in await shop.rows("SELECT amount FROM sale")] == [990]


@pytest.mark.parametrize("first", [YEARLY, DEARER], ids=["year to month", "dearer to cheaper"])
async def test_less_to_pay_begins_with_the_next_period(shop: Shop, first: Any) -> None:
    reader, dear, cheap = await shop.reader(), await shop.plan(**first), await shop.plan()
    subscription = await shop.subscribe(reader, dear)
    changed = await patch(shop, reader, subscription, plan_id=cheap["id"])
    assert (changed["plan_id"], changed["pending_plan_id"]) == (dear["id"], cheap["id"])
    assert changed["pending_change"]["effective_at"] == subscription["current_period_end"]
    assert changed["pending_change"]["price"] == cheap["price"]
    again = await patch(shop, reader, subscription, plan_id=cheap["id"])
    assert again["pending_change"] == changed["pending_change"]
    await shop.settle()
    assert (await read(shop, reader))["pending_plan_id"] == cheap["id"]
    await advance(shop, 367 if first is YEARLY else 32, "invoice.paid")
    moved = await read(shop, reader)
    assert (moved["plan_id"], moved["price"], moved["pending_change"]) == (cheap["id"], cheap["price"], None)
    amounts = [row.amount for row in await shop.rows("SELECT amount FROM sale ORDER BY paid_at")]
    assert amounts[:2] == [first["price"]["amount"], 990]
    # Its schedule is done with, so that it can be ended like any other.
    await shop.run_jobs("settle_change")
    ending = await patch(shop, reader, subscription, cancel_at_period_end=True)
    assert ending["cancel_at_period_end"] is True


async def test_a_downgrade_can_be_taken_back_and_gives_way_to_an_end_and_to_an_upgrade(shop: Shop) -> None:
    reader, cheap, middle = await shop.reader(), await shop.plan(), await shop.plan(**DEARER)
    dear = await shop.plan(interval="month", price={"amount": 2990, "currency": "cny"})
    subscription = await shop.subscribe(reader, middle)
    await patch(shop, reader, subscription, plan_id=cheap["id"])
    back = await patch(shop, reader, subscription, plan_id=middle["id"])
    assert (back["plan_id"], back["pending_change"]) == (middle["id"], None)
    await patch(shop, reader, subscription, plan_id=cheap["id"])
    ending = await patch(shop, reader, subscription, cancel_at_period_end=True)
    assert (ending["cancel_at_period_end"], ending["pending_change"]) == (True, None)
    refused = await patch(shop, reader, subscription, 409, plan_id=cheap["id"])
    assert refused["code"] == "plan_change_refused"
    both = await patch(shop, reader, subscription, plan_id=cheap["id"], cancel_at_period_end=False)
    assert (both["cancel_at_period_end"], both["pending_plan_id"]) == (False, cheap["id"])
    up = await patch(shop, reader, subscription, plan_id=dear["id"])
    assert (up["plan_id"], up["pending_change"]) == (dear["id"], None)
    await shop.settle("invoice.paid")
    assert (await read(shop, reader))["plan_id"] == dear["id"]
    statuses = [row.status for row in await shop.rows(CHANGES)]
    assert statuses == ["canceled", "canceled", "superseded", "applied"]


async def test_a_trial_changes_at_once_and_costs_nothing(shop: Shop) -> None:
    reader, year = await shop.reader(), await shop.plan(**YEARLY)
    month = await shop.plan(interval="month", trial_days=7, price={"amount": 990, "currency": "cny"})
    await shop.pay((await shop.checkout(reader, month))["checkout_url"])
    await shop.settle("customer.subscription.created", "checkout.session.completed")
    subscription = await read(shop, reader)
    for plan in (year, month):
        changed = await patch(shop, reader, subscription, plan_id=plan["id"])
        assert (changed["plan_id"], changed["pending_change"]) == (plan["id"], None)
        assert (changed["status"], changed["trial_end"]) == ("trialing", subscription["trial_end"])
    assert await shop.rows("SELECT 1 FROM sale") == []


async def test_what_is_due_comes_before_a_change(shop: Shop) -> None:
    reader, plan, dearer = await shop.reader(), await shop.plan(), await shop.plan(**DEARER)
    subscription = await with_card(shop, reader, plan, FAILS_LATER)
    await advance(shop, 32, "invoice.payment_failed")
    late = await read(shop, reader)
    assert late["status"] == "past_due"
    assert late["payment_url"].startswith(shop.sandbox.url)
    assert late["next_payment_at"] is not None
    assert late["grace_until"] is not None
    refused = await patch(shop, reader, subscription, 409, plan_id=dearer["id"])
    assert refused["code"] == "plan_change_refused"
    # Paid within the grace, it goes on as if nothing had been.
    await another_card(shop, reader)
    await advance(shop, 4, "invoice.paid")
    recovered = await read(shop, reader)
    assert (recovered["status"], recovered["payment_url"], recovered["grace_until"]) == ("active", None, None)
    [grant] = await shop.rows("SELECT ends_at, revoked_at, zhihao_now() AS now FROM access_grant")
    assert grant.revoked_at is None
    assert grant.ends_at > grant.now
    assert [balance["earned"] for balance in await shop.earned()] == [1584]


async def test_a_dearer_price_is_told_and_charged_after_its_notice(shop: Shop) -> None:
    monthly, yearly, other = [await shop.reader(name) for name in ("monthly", "yearly", "other")]
    plan = await shop.plan()
    subscription = await shop.subscribe(monthly, plan)
    await shop.subscribe(other, await shop.plan(**YEARLY))
    leaver = await shop.subscribe(yearly, plan)
    path = f"/creator/v1/knowledge-bases/{shop.base['id']}/plans/{plan['id']}"
    await shop.call("PATCH", path, shop.creator, {"price": {"amount": 1490, "currency": "cny"}})
    short = await shop.call("POST", f"{path}/reprice", shop.creator, {"notice_days": 3}, 400)
    assert [error["pointer"] for error in short["errors"]] == ["/notice_days"]
    await shop.call("POST", f"{path}/reprice", monthly, {}, 404)
    key = {"idempotency-key": "once"}
    made = await shop.call("POST", f"{path}/reprice", shop.creator, {"notice_days": 40}, 201, **key)
    assert (made["subscribers"], made["told"], made["waiting"]) == (2, 0, 2)
    assert await shop.call("POST", f"{path}/reprice", shop.creator, {"notice_days": 40}, 201, **key) == made
    await shop.run_jobs("tell_price_change", "settle_change")
    letters = await shop.rows("SELECT account_id::text FROM letter WHERE kind = 'price_change'")
    assert sorted(row.account_id for row in letters) == sorted([monthly.id, yearly.id])
    pending = (await read(shop, monthly))["pending_change"]
    assert (pending["kind"], pending["price"]["amount"], pending["effective_at"]) == ("reprice", 1490, None)
    assert (await read(shop, other))["pending_change"] is None
    await patch(shop, yearly, leaver, cancel_at_period_end=True)
    # The first renewal falls within the notice: it is charged as before. The second is not.
    await advance(shop, 32, "invoice.paid")
    await shop.run_jobs("settle_change")
    known = (await read(shop, monthly))["pending_change"]
    assert known["effective_at"] == (await read(shop, monthly))["current_period_end"]
    assert (await read(shop, monthly))["price"]["amount"] == 990
    await advance(shop, 32, "invoice.paid")
    await shop.run_jobs("settle_change")
    moved = await read(shop, monthly)
    assert (moved["price"]["amount"], moved["pending_change"]) == (1490, None)
    paid = await shop.call("GET", f"/v1/subscriptions/{subscription['id']}/invoices", monthly)
    assert [one["price"]["amount"] for one in paid["data"]] == [1490, 990, 990]
    [listed] = (await shop.call("GET", f"{path}/reprices", shop.creator))["data"]
    assert (listed["told"], listed["moved"], listed["waiting"]) == (2, 1, 0)


async def test_a_lower_price_needs_no_notice_and_a_change_of_mind_calls_it_off(shop: Shop) -> None:
    reader, plan = await shop.reader(), await shop.plan(**DEARER)
    await shop.subscribe(reader, plan)
    path = f"/creator/v1/knowledge-bases/{shop.base['id']}/plans/{plan['id']}"
    await shop.call("PATCH", path, shop.creator, {"price": {"amount": 1490, "currency": "cny"}})
    await shop.call("POST", f"{path}/reprice", shop.creator, {}, 201)
    await shop.run_jobs("tell_price_change", "settle_change")
    assert (await read(shop, reader))["pending_change"]["effective_at"] is not None
    await shop.call("PATCH", path, shop.creator, {"price": {"amount": 1990, "currency": "cny"}})
    back = await shop.call("POST", f"{path}/reprice", shop.creator, {}, 201)
    assert back["subscribers"] == 0
    await shop.run_jobs("tell_price_change", "settle_change")
    assert (await read(shop, reader))["pending_change"] is None
    await advance(shop, 32, "invoice.paid")
    amounts = [row.amount for row in await shop.rows("SELECT amount FROM sale ORDER BY paid_at")]
    assert amounts == [1990, 1990]


async def test_a_readers_own_change_stands_before_the_creators_price(shop: Shop) -> None:
    reader, plan, cheap = await shop.reader(), await shop.plan(**DEARER), await shop.plan()
    subscription = await shop.subscribe(reader, plan)
    path = f"/creator/v1/knowledge-bases/{shop.base['id']}/plans/{plan['id']}"
    await shop.call("PATCH", path, shop.creator, {"price": {"amount": 2990, "currency": "cny"}})
    await shop.call("POST", f"{path}/reprice", shop.creator, {}, 201)
    await shop.run_jobs("tell_price_change", "settle_change")
    own = await patch(shop, reader, subscription, plan_id=cheap["id"])
    assert own["pending_change"]["kind"] == "downgrade"
    back = await patch(shop, reader, subscription, plan_id=plan["id"])
    assert back["pending_change"]["kind"] == "reprice"
    await shop.call("POST", f"/creator/v1/knowledge-bases/{shop.base['id']}/unpublish", shop.creator)
    await shop.run_jobs("end_renewals", "settle_change")
    assert (await read(shop, reader))["cancel_at_period_end"] is True


async def test_a_change_that_was_cut_off_is_found_out(shop: Shop) -> None:
    reader, dear, cheap = await shop.reader(), await shop.plan(**DEARER), await shop.plan()
    subscription = await shop.subscribe(reader, dear)
    shop.sandbox.control("faults", {"outage": True})
    try:
        await patch(shop, reader, subscription, 503, plan_id=cheap["id"])
    finally:
        shop.sandbox.control("faults", method="DELETE")
    assert (await read(shop, reader))["pending_change"] is None
    # As if the process had died between its note and Stripe's answer.
    async with shop.context.database.transaction() as session:
        [row] = await shop.rows("SELECT id, price_id FROM subscription")
        [price] = await shop.rows("SELECT id FROM plan_price WHERE plan_id = :plan", plan=cheap["id"])
        await changes.begin(
            session,
            id=uuid4(),
            subscription_id=row.id,
            kind="downgrade",
            plan_id=cheap["id"],
            price_id=price.id,
        )
    await advance(shop, 1)
    await sweep_changes(shop.context)
    assert await shop.run_jobs("settle_change") == 1
    assert (await read(shop, reader))["pending_change"]["effective_at"] is not None


async def test_the_portal_lets_a_reader_end_what_runs(shop: Shop) -> None:
    reader = await shop.reader()
    subscription = await shop.subscribe(reader, await shop.plan())
    path = f"/v1/subscriptions/{subscription['id']}/portal"
    opened = await shop.call("POST", path, reader, {"return_url": "http://127.0.0.1/back"}, 201)
    assert opened["url"].startswith(shop.sandbox.url)
    await shop.call("POST", path, reader, expect=201)
    await shop.call("POST", path, await shop.reader("stranger"), {}, 404)
    [row] = await shop.rows("SELECT stripe_subscription_id FROM subscription")
    async with httpx.AsyncClient() as http:
        await http.post(opened["url"], data={"subscription": row.stripe_subscription_id, "end": "1"})
    await shop.settle("customer.subscription.updated")
    assert (await read(shop, reader))["cancel_at_period_end"] is True


async def test_what_was_agreed_to_is_kept_with_the_checkout(shop: Shop) -> None:
    reader, plan = await shop.reader(), await shop.plan(**DEARER, trial_days=3)
    page = await shop.checkout(reader, plan)
    [begun] = await shop.rows("SELECT terms_version, terms, agreed_at FROM checkout")
    assert (begun.terms_version, begun.agreed_at) == ("1", None)
    assert "19.90 CNY a month" in begun.terms
    assert "first 3 days" in begun.terms
    assert (await shop.pay(page["checkout_url"], DECLINED)).status_code == 402
    await shop.pay(page["checkout_url"], PAYS)
    await shop.settle("checkout.session.completed")
    [agreed] = await shop.rows("SELECT agreed_at, completed_at FROM checkout")
    assert agreed.agreed_at == agreed.completed_at is not None
