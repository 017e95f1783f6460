"""What must hold for what readers buy, whatever the order, doubling or delay of Stripe's events."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.platform.database import Database
from service.subscriber_api.router import router as subscriber_api
from service.usecases.check_invariants import check_invariants
from service.web.router import router as web
from tests.contract.sandbox_process import Sandbox
from tests.contract.stripe_contract import watched
from tests.integration.clocks import advance, keep_time
from tests.integration.selling import PAYS, Shop, shop_open
from tests.integration.serving import SignedIn, serving
from tests.integration.subscribing import leave

PASS = {"interval": "once", "days": 30, "price": {"amount": 1500, "currency": "cny"}}
PAYS_LATER = "AT611904300234573201"
BOUNCES_LATER = "AT861904300235473202"


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    with watched():
        async with shop_open(database, till) as opened:
            await keep_time(opened)
            yield opened
            await leave(opened)


def of_type(events: list[str], *types: str) -> list[str]:
    return [event for event in events if json.loads(event)["type"] in types]


async def counted(shop: Shop, *tables: str) -> list[int]:
    return [(await shop.rows(f"SELECT count(*) AS n FROM {table}"))[0].n for table in tables]


async def subscriptions(shop: Shop, reader: SignedIn) -> Any:
    return (await shop.call("GET", "/v1/subscriptions", reader))["data"]


async def test_story_1_updated_before_created_and_two_workers_make_one_row_of_the_newest_state(
    shop: Shop,
) -> None:
    reader, plan = await shop.reader(), await shop.plan()
    await shop.pay((await shop.checkout(reader, plan))["checkout_url"])
    events = await shop.events("customer.subscription.created", "invoice.paid")
    [created] = of_type(events, "customer.subscription.created")
    name = json.loads(created)["data"]["object"]["id"]
    async with shop.sandbox.client() as client:
        await client.v1.subscriptions.update_async(name, {"cancel_at_period_end": True})
    updated = of_type(await shop.events("customer.subscription.updated"), "customer.subscription.updated")
    await shop.deliver([*updated, created])
    await asyncio.gather(shop.work(), shop.work())
    [found] = await subscriptions(shop, reader)
    assert (found["status"], found["cancel_at_period_end"]) == ("active", True)
    assert await counted(shop, "subscription", "access_grant") == [1, 1]


async def test_story_2_one_fact_told_by_many_events_many_times_is_posted_once(shop: Shop) -> None:
    reader = await shop.reader()
    await shop.pay((await shop.checkout(reader, await shop.plan()))["checkout_url"])
    events = await shop.events("invoice.paid")
    types = ("invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid", "payment_intent.succeeded")
    one_fact = of_type(events, *types)
    assert len(one_fact) == 4
    for _ in range(5):
        await shop.deliver(one_fact)
        await asyncio.gather(shop.work(), shop.work())
    assert await counted(shop, "sale", "ledger_transaction") == [1, 1]


async def test_story_4_who_comes_back_before_the_webhook_finds_what_was_paid_for(shop: Shop) -> None:
    reader = await shop.reader()
    page = await shop.checkout(reader, await shop.plan())
    async with serving(shop.context, (web,)) as pages:
        for answered in ("Payment on its way", "Thank you"):
            back = await pages.get(
                "/checkout/success",
                params={"session_id": page["session_id"]},
                headers={"accept-language": "en"},
            )
            assert answered in back.text
            if answered == "Thank you":
                break
            led = await shop.pay(page["checkout_url"])
            assert led.headers["location"].endswith(f"session_id={page['session_id']}")
        foreign = await pages.get("/checkout/success", params={"session_id": "cs_test_of_somebody_else"})
        assert foreign.status_code == 200
    [found] = await subscriptions(shop, reader)
    assert found["status"] == "active"
    await shop.settle("invoice.paid")
    assert await counted(shop, "subscription", "access_grant", "sale") == [1, 1, 1]


@pytest.mark.parametrize(("account", "ends"), [(PAYS_LATER, "complete"), (BOUNCES_LATER, "failed")])
async def test_story_4_what_is_paid_later_grants_nothing_until_it_is(
    shop: Shop, account: str, ends: str
) -> None:
    reader, pass_ = await shop.reader(), await shop.plan(**PASS)
    page = await shop.checkout(reader, pass_)
    await shop.pay(page["checkout_url"], account)
    await shop.settle("checkout.session.completed")
    assert await counted(shop, "access_grant", "sale") == [0, 0]
    tip = await shop.call(
        "POST", "/v1/tips", reader, {"handle": "creator", "price": {"amount": 500, "currency": "cny"}}, 201
    )
    await shop.pay(tip["checkout_url"], account)
    await advance(shop, 1)
    assert [row.status for row in await shop.rows("SELECT status FROM checkout")] == [ends, ends]
    paid = ends == "complete"
    assert await counted(shop, "access_grant", "sale") == ([1, 2] if paid else [0, 0])
    [given] = (await shop.call("GET", "/v1/tips", reader))["data"]
    assert given["status"] == ("paid" if paid else "expired")


async def test_story_4_a_subscription_paid_later_begins_when_it_is_paid(shop: Shop) -> None:
    reader = await shop.reader()
    await shop.pay((await shop.checkout(reader, await shop.plan()))["checkout_url"], PAYS_LATER)
    await shop.settle("checkout.session.completed", "customer.subscription.created")
    assert [one["status"] for one in await subscriptions(shop, reader)] == ["incomplete"]
    assert await counted(shop, "access_grant", "sale") == [0, 0]
    await advance(shop, 1, "invoice.paid")
    assert [one["status"] for one in await subscriptions(shop, reader)] == ["active"]
    assert await counted(shop, "access_grant", "sale") == [1, 1]


async def test_story_10_an_end_at_once_is_an_end_and_costs_nothing_more(shop: Shop) -> None:
    reader, plan = await shop.reader(), await shop.plan()
    subscription = await shop.subscribe(reader, plan)
    dearer = await shop.plan(interval="year", price={"amount": 9900, "currency": "cny"})
    path = f"/v1/subscriptions/{subscription['id']}"
    await shop.call("PATCH", path, reader, {"plan_id": dearer["id"]})
    await shop.settle("invoice.paid")
    await shop.call("PATCH", path, reader, {"plan_id": plan["id"]})
    before = await counted(shop, "sale")
    for _ in range(2):
        await shop.call("DELETE", path, reader, expect=204)
    [ended] = await subscriptions(shop, reader)
    assert (ended["status"], ended["pending_change"]) == ("canceled", None)
    [grant] = await shop.rows("SELECT revoked_at FROM access_grant")
    assert grant.revoked_at is not None
    await shop.settle("customer.subscription.deleted")
    await advance(shop, 400)
    assert await counted(shop, "sale") == before


async def test_story_13_an_event_of_another_version_is_worked_and_alarms(shop: Shop) -> None:
    reader = await shop.reader()
    await shop.pay((await shop.checkout(reader, await shop.plan()))["checkout_url"])
    events = await shop.events("invoice.paid")
    with capture_logs() as logs:
        await shop.deliver(json.dumps(json.loads(event) | {"api_version": "2024-06-20"}) for event in events)
    assert "stripe_event.api_version" in {log["event"] for log in logs}
    await shop.work()
    [found] = await subscriptions(shop, reader)
    assert found["status"] == "active"
    findings = {one.name: one.faults for one in await check_invariants(shop.context)}
    assert "2024-06-20" in findings["inbox.api_version"][0]


async def test_story_13_an_event_with_its_fields_where_they_once_were_does_no_harm(shop: Shop) -> None:
    reader = await shop.reader()
    await shop.pay((await shop.checkout(reader, await shop.plan()))["checkout_url"])
    moved = []
    for raw in await shop.events("invoice.paid"):
        event = json.loads(raw)
        subject = event["data"]["object"]
        if subject["object"] == "invoice":
            subject["subscription"] = subject.pop("parent")["subscription_details"]["subscription"]
            subject["charge"] = "ch_of_old"
        if subject["object"] == "subscription":
            subject["current_period_end"] = 1
            for item in subject["items"]["data"]:
                item.pop("current_period_end")
        moved.append(json.dumps(event))
    await shop.deliver(moved)
    await shop.work()
    [found] = await subscriptions(shop, reader)
    assert found["status"] == "active"
    assert found["current_period_end"] > found["current_period_start"]
    assert await counted(shop, "sale") == [1]


async def test_passes_follow_one_another_and_none_is_taken_twice(shop: Shop) -> None:
    reader, pass_ = await shop.reader(), await shop.plan(**PASS)
    for _ in range(3):
        await shop.pay((await shop.checkout(reader, pass_))["checkout_url"])
    events = await shop.events("payment_intent.succeeded")
    await shop.deliver(reversed(events))
    await asyncio.gather(shop.work(), shop.work())
    await shop.deliver(events)
    await shop.work()
    spans = await shop.rows("SELECT starts_at, ends_at FROM access_grant ORDER BY starts_at")
    assert len(spans) == 3
    assert [span.ends_at for span in spans[:-1]] == [span.starts_at for span in spans[1:]]
    assert (spans[-1].ends_at - spans[0].starts_at).days == 90


@pytest.mark.parametrize(
    ("currency", "amount"), [("jpy", 500), ("krw", 5000), ("kwd", 1990), ("bhd", 2000), ("usd", 399)]
)
async def test_a_tip_in_any_kind_of_currency_is_split_to_the_last_unit(
    shop: Shop, currency: str, amount: int
) -> None:
    reader = await shop.reader()
    body = {"handle": "creator", "price": {"amount": amount, "currency": currency}, "message": "谢谢"}
    tip = await shop.call("POST", "/v1/tips", reader, body, 201)
    await shop.pay(tip["checkout_url"], PAYS)
    await shop.settle("checkout.session.completed", "payment_intent.succeeded")
    [sale] = await shop.rows("SELECT * FROM sale")
    assert (sale.amount, sale.currency) == (amount, currency)
    assert sale.creator_amount + sale.platform_amount + sale.settled_tax == sale.settled_amount
    assert sale.creator_fee + sale.platform_fee == sale.fee
    [balance] = await shop.earned()
    assert (balance["earned"], balance["fees"]) == (sale.creator_amount, sale.creator_fee)


async def test_a_reader_begins_only_so_many_tips_in_an_hour(shop: Shop) -> None:
    reader = await shop.reader()
    strict = replace(shop.context, settings=shop.context.settings.model_copy(update={"tips_per_hour": 2}))
    body = {"handle": "creator", "price": {"amount": 500, "currency": "cny"}}
    async with serving(strict, (subscriber_api,)) as client:
        codes = [
            (await client.post("/v1/tips", json=body, headers=reader.headers)).status_code for _ in range(3)
        ]
        assert codes == [201, 201, 429]
        nobody = await client.post("/v1/tips", json=body)
        assert nobody.status_code == 401
