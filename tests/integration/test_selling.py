"""From a plan to what the creator earns, on the real doors, gateway and sandbox."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from service.platform.database import Database
from service.usecases.end_renewals import end_renewals
from service.usecases.sweep_stripe_events import sweep_stripe_events
from tests.contract.sandbox_process import Sandbox
from tests.integration.selling import DECLINED, Shop, shop_open

NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        yield opened


async def test_a_subscription_is_paid_granted_split_and_posted(shop: Shop) -> None:
    plan = await shop.plan()
    assert (plan["interval"], plan["days"], plan["price"], plan["status"]) == (
        "month",
        None,
        {"amount": 990, "currency": "cny"},
        "active",
    )
    reader = await shop.reader()
    subscription = await shop.subscribe(reader, plan)
    assert subscription["status"] == "active"
    assert subscription["plan_id"] == plan["id"]
    assert subscription["knowledge_base_id"] == shop.base["id"]
    assert subscription["current_period_end"] > subscription["current_period_start"]
    [grant] = await shop.rows("SELECT * FROM access_grant")
    assert (grant.source, str(grant.account_id), grant.revoked_at) == ("subscription", reader.id, None)
    # The sandbox's fee for this card is 242: creator and platform bear it as they share the sale.
    assert await shop.earned() == [
        {"currency": "cny", "earned": 792, "fees": 194, "refunded": 0, "paid": 0, "payable": 598}
    ]
    [stripe] = await shop.rows("SELECT balance FROM ledger_account WHERE kind = 'stripe_balance'")
    assert stripe.balance == 748
    [sale] = (await shop.call("GET", "/creator/v1/sales", shop.creator))["data"]
    assert (sale["kind"], sale["earned"], sale["fees"]) == ("subscription", 792, 194)
    lines = (await shop.call("GET", "/creator/v1/earnings/transfers", shop.creator))["data"]
    assert sum(line["amount"] for line in lines) == 598


async def test_events_five_times_in_any_order_post_once(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    await shop.pay((await shop.checkout(reader, plan))["checkout_url"])
    events = await shop.events("invoice.paid", "checkout.session.completed", "payment_intent.succeeded")
    for turn in range(5):
        await shop.deliver(reversed(events) if turn % 2 == 0 else events)
        await asyncio.gather(shop.work(), shop.work())
    assert [balance["earned"] for balance in await shop.earned()] == [792]
    counted = await shop.rows(
        "SELECT (SELECT count(*) FROM subscription), (SELECT count(*) FROM sale),"
        " (SELECT count(*) FROM ledger_transaction), (SELECT count(*) FROM access_grant)"
    )
    assert tuple(counted[0]) == (1, 1, 1, 1)
    statuses = await shop.rows("SELECT DISTINCT status FROM stripe_event")
    assert [row.status for row in statuses] == ["worked"]


async def test_events_that_never_arrived_are_found_by_the_sweep(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    await shop.pay((await shop.checkout(reader, plan))["checkout_url"])
    await shop.events("invoice.paid")
    await sweep_stripe_events(shop.context)
    await shop.work()
    assert [balance["earned"] for balance in await shop.earned()] == [792]


async def test_a_declined_card_grants_nothing(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    page = await shop.checkout(reader, plan)
    assert (await shop.pay(page["checkout_url"], DECLINED)).status_code in {200, 402}
    await shop.settle()
    assert await shop.rows("SELECT 1 FROM access_grant WHERE revoked_at IS NULL") == []
    assert await shop.earned() == []


async def test_a_second_checkout_replaces_the_unpaid_one(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    first = await shop.checkout(reader, plan)
    second = await shop.checkout(reader, plan)
    assert first["session_id"] != second["session_id"]
    old = await shop.context.payments.retrieve_checkout(first["session_id"])
    assert old.status == "expired"
    await shop.pay(second["checkout_url"])
    await shop.settle("invoice.paid")
    statuses = await shop.rows("SELECT status FROM checkout ORDER BY created_at")
    assert [row.status for row in statuses] == ["replaced", "complete"]


async def test_who_has_a_subscription_is_not_sold_another(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    await shop.subscribe(reader, plan)
    refused = await shop.checkout(reader, plan, expect=409)
    assert refused["code"] == "already_subscribed"


async def test_a_page_paid_just_before_the_next_checkout_counts(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    page = await shop.checkout(reader, plan)
    await shop.pay(page["checkout_url"])
    assert (await shop.checkout(reader, plan, expect=409))["code"] == "already_subscribed"
    [subscription] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert subscription["status"] == "active"


async def test_plans_that_are_not_there_are_not_sold(shop: Shop) -> None:
    reader = await shop.reader()
    assert (await shop.checkout(reader, {"id": NOBODY}, expect=404))["code"] == "plan_not_found"
    plan = await shop.plan()
    path = f"/creator/v1/knowledge-bases/{shop.base['id']}/plans/{plan['id']}"
    await shop.call("PATCH", path, shop.creator, {"status": "archived"})
    await shop.checkout(reader, plan, expect=404)
    assert (await shop.checkout(shop.creator, plan, expect=409))["code"] == "own_knowledge_base"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"interval": "month", "price": {"amount": 499, "currency": "cny"}}, "/price"),
        ({"interval": "month", "price": {"amount": 49, "currency": "jpy"}}, "/price"),
        ({"interval": "month", "price": {"amount": 10**12, "currency": "cny"}}, "/price"),
        ({"interval": "month", "price": {"amount": 1001, "currency": "kwd"}}, "/price"),
        ({"interval": "month", "price": {"amount": 990, "currency": "CNY"}}, "/price"),
        ({"interval": "month", "price": {"amount": 990, "currency": "cny", "x": 1}}, "/price/x"),
        ({"interval": "once", "price": {"amount": 990, "currency": "cny"}}, "/days"),
        ({"interval": "month", "days": 3, "price": {"amount": 990, "currency": "cny"}}, "/days"),
        (
            {"interval": "month", "trial_days": 999, "price": {"amount": 990, "currency": "cny"}},
            "/trial_days",
        ),
        ({"interval": "week", "price": {"amount": 990, "currency": "cny"}}, "/interval"),
        ({"interval": "month"}, "/price"),
    ],
)
async def test_a_plan_that_cannot_be_is_refused_with_a_pointer(
    shop: Shop, body: dict[str, Any], pointer: str
) -> None:
    path = f"/creator/v1/knowledge-bases/{shop.base['id']}/plans"
    refused = await shop.call("POST", path, shop.creator, body, 400)
    assert [error["pointer"] for error in refused["errors"]] == [pointer]


async def test_another_price_is_for_who_buys_from_then_on(shop: Shop) -> None:
    plan, early, late = await shop.plan(), await shop.reader("early"), await shop.reader("late")
    await shop.subscribe(early, plan)
    path = f"/creator/v1/knowledge-bases/{shop.base['id']}/plans/{plan['id']}"
    changed = await shop.call("PATCH", path, shop.creator, {"price": {"amount": 1990, "currency": "cny"}})
    assert (changed["id"], changed["price"]["amount"]) == (plan["id"], 1990)
    await shop.subscribe(late, plan)
    paid = await shop.rows("SELECT amount FROM sale ORDER BY amount")
    assert [row.amount for row in paid] == [990, 1990]


async def test_the_same_idempotency_key_opens_one_checkout(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    path = f"/v1/knowledge-bases/{shop.base['id']}/checkout"
    body, key = {"plan_id": plan["id"]}, {"idempotency-key": "once"}
    first = await shop.call("POST", path, reader, body, 201, **key)
    assert await shop.call("POST", path, reader, body, 201, **key) == first
    other = await shop.call("POST", path, reader, {**body, "cancel_url": "http://127.0.0.1/"}, 409, **key)
    assert other["code"] == "idempotency_conflict"


async def test_while_stripe_is_down_nothing_is_begun_and_the_same_key_works_afterwards(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    path = f"/v1/knowledge-bases/{shop.base['id']}/checkout"
    body, key = {"plan_id": plan["id"]}, {"idempotency-key": "again"}
    shop.sandbox.control("faults", {"outage": True})
    try:
        refused = await shop.call("POST", path, reader, body, 503, **key)
    finally:
        shop.sandbox.control("faults", method="DELETE")
    assert refused["code"] == "payments_unavailable"
    assert (await shop.call("POST", path, reader, body, 201, **key))["checkout_url"]


async def test_a_subscription_ends_with_its_period_or_at_once(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    subscription = await shop.subscribe(reader, plan)
    path = f"/v1/subscriptions/{subscription['id']}"
    ending = await shop.call("PATCH", path, reader, {"cancel_at_period_end": True})
    assert (ending["status"], ending["cancel_at_period_end"]) == ("active", True)
    [grant] = await shop.rows("SELECT ends_at FROM access_grant")
    [row] = await shop.rows("SELECT current_period_end FROM subscription")
    assert grant.ends_at == row.current_period_end
    stays = await shop.call("PATCH", path, reader, {"cancel_at_period_end": False})
    assert stays["cancel_at_period_end"] is False
    stranger = await shop.reader("stranger")
    await shop.call("DELETE", path, stranger, expect=404)
    await shop.call("DELETE", path, reader, expect=204)
    [ended] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert ended["status"] == "canceled"
    [grant] = await shop.rows("SELECT revoked_at FROM access_grant")
    assert grant.revoked_at is not None
    await shop.call("PATCH", path, reader, {"cancel_at_period_end": True}, 409)


async def test_a_dearer_plan_begins_at_once(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    dearer = await shop.plan(interval="year", price={"amount": 9900, "currency": "cny"})
    subscription = await shop.subscribe(reader, plan)
    path = f"/v1/subscriptions/{subscription['id']}"
    changed = await shop.call("PATCH", path, reader, {"plan_id": dearer["id"]})
    assert changed["plan_id"] == dearer["id"]
    await shop.settle("invoice.paid")
    amounts = await shop.rows("SELECT amount FROM sale ORDER BY paid_at, amount")
    assert len(amounts) == 2
    back = await shop.call("PATCH", path, reader, {"plan_id": plan["id"]})
    assert (back["plan_id"], back["pending_plan_id"]) == (dearer["id"], plan["id"])


async def test_a_prepaid_pass_lasts_its_days_and_a_second_follows(shop: Shop) -> None:
    plan, reader = (
        await shop.plan(interval="once", days=30, price={"amount": 1500, "currency": "cny"}),
        await shop.reader(),
    )
    for _ in range(2):
        await shop.pay((await shop.checkout(reader, plan))["checkout_url"])
        await shop.settle("checkout.session.completed", "payment_intent.succeeded")
    first, second = await shop.rows("SELECT starts_at, ends_at, source FROM access_grant ORDER BY ends_at")
    assert first.source == "pass"
    assert (first.ends_at - first.starts_at).days == 30
    assert second.starts_at == first.ends_at
    assert [balance["earned"] for balance in await shop.earned()] == [2400]


async def test_a_tip_reaches_the_creator_and_its_giver_may_stay_unknown(shop: Shop) -> None:
    reader = await shop.reader()
    price = {"amount": 500, "currency": "cny"}
    for target in ({"knowledge_base_id": shop.base["id"]}, {"handle": "Creator", "anonymous": True}):
        tip = await shop.call("POST", "/v1/tips", reader, {**target, "price": price, "message": "谢谢"}, 201)
        assert set(tip) == {"tip_id", "checkout_url"}
        await shop.pay(tip["checkout_url"])
        await shop.settle("checkout.session.completed", "payment_intent.succeeded")
    assert [balance["earned"] for balance in await shop.earned()] == [800]
    anonymous, named = (await shop.call("GET", "/creator/v1/tips", shop.creator))["data"]
    assert (anonymous["account_id"], named["account_id"]) == (None, reader.id)
    assert named["message"] == "谢谢"
    given = (await shop.call("GET", "/v1/tips", reader))["data"]
    assert [(tip["status"], tip["handle"].lower(), tip["anonymous"]) for tip in given] == [
        ("paid", "creator", True),
        ("paid", "creator", False),
    ]
    assert (await shop.call("GET", "/v1/tips", await shop.reader("another")))["data"] == []
    for path in ("sales", "earnings/transfers"):
        listed = await shop.call("GET", f"/creator/v1/{path}", shop.creator)
        assert reader.id not in str(listed)


async def test_tips_are_for_others_who_have_published(shop: Shop) -> None:
    reader, price = await shop.reader(), {"amount": 500, "currency": "cny"}
    own = {"handle": "creator", "price": price}
    assert (await shop.call("POST", "/v1/tips", shop.creator, own, 409))["code"] == "tip_refused"
    await shop.call("PUT", "/creator/v1/profile", reader, {"handle": "quiet", "name": "Q"})
    another = await shop.reader("another")
    quiet = {"handle": "quiet", "price": price}
    assert (await shop.call("POST", "/v1/tips", another, quiet, 409))["code"] == "tip_refused"
    nobody = {"handle": "nobody", "price": price}
    await shop.call("POST", "/v1/tips", another, nobody, 404)
    await shop.call("POST", "/v1/tips", another, {"knowledge_base_id": NOBODY, "price": price}, 404)
    await shop.call("POST", "/v1/tips", another, {"price": price}, 400)
    little = {"handle": "creator", "price": {"amount": 1, "currency": "cny"}}
    await shop.call("POST", "/v1/tips", another, little, 400)


async def test_access_given_for_nothing_is_taken_back(shop: Shop) -> None:
    reader = await shop.reader()
    path = f"/creator/v1/knowledge-bases/{shop.base['id']}/grants"
    body = {"email": "Reader@example.com", "note": "a friend"}
    grant = await shop.call("POST", path, shop.creator, body, 201)
    assert (grant["account_id"], grant["source"], grant["ends_at"]) == (reader.id, "complimentary", None)
    assert [g["id"] for g in (await shop.call("GET", path, shop.creator))["data"]] == [grant["id"]]
    await shop.call("POST", path, reader, body, 404)
    await shop.call("POST", path, shop.creator, {"email": "no@example.com"}, 404)
    past = {"email": "reader@example.com", "until": "2020-01-01T00:00:00Z"}
    await shop.call("POST", path, shop.creator, past, 400)
    await shop.call("DELETE", f"{path}/{grant['id']}", shop.creator, expect=204)
    [row] = await shop.rows("SELECT revoked_at FROM access_grant")
    assert row.revoked_at is not None


async def test_a_refund_takes_back_what_the_sale_gave(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    await shop.subscribe(reader, plan)
    [sale] = await shop.rows("SELECT stripe_charge_id FROM sale")
    for amount, key in ((333, "first"), (None, "second")):
        await shop.context.payments.create_refund(
            sale.stripe_charge_id, amount=amount, metadata={}, idempotency_key=f"{key}:{uuid4()}"
        )
        await shop.settle("charge.refunded")
    [balance] = await shop.earned()
    assert (balance["earned"], balance["refunded"], balance["payable"]) == (792, 792, -194)
    [platform] = await shop.rows("SELECT balance FROM ledger_account WHERE kind = 'platform_revenue'")
    assert platform.balance == 0


async def test_a_creator_opens_an_account_to_be_paid_on(shop: Shop) -> None:
    body = {"return_url": "http://127.0.0.1/back"}
    opened = await shop.call("POST", "/creator/v1/payout-account", shop.creator, body, 201)
    assert opened["onboarding_url"].startswith(shop.sandbox.url)
    again = await shop.call("POST", "/creator/v1/payout-account", shop.creator, body, 201)
    assert again["onboarding_url"] != opened["onboarding_url"]
    [row] = await shop.rows("SELECT status, stripe_account_id FROM payout_account")
    assert row.status == "onboarding"
    await shop.call("POST", "/creator/v1/payout-account", shop.creator, {"return_url": "nowhere"}, 400)


async def test_unpublishing_ends_renewals(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    await shop.subscribe(reader, plan)
    path = f"/creator/v1/knowledge-bases/{shop.base['id']}/unpublish"
    await shop.call("POST", path, shop.creator)
    [job] = await shop.rows("SELECT args FROM procrastinate_jobs WHERE task_name = 'end_renewals'")
    await end_renewals(shop.context, **job.args)
    [subscription] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert (subscription["status"], subscription["cancel_at_period_end"]) == ("active", True)
    other = await shop.reader("other")
    await shop.checkout(other, plan, expect=404)


@pytest.mark.parametrize("gone", ["POST /unpublish", "DELETE "], ids=["unpublished", "deleted"])
async def test_a_page_left_open_sells_nothing_that_is_not_for_sale_any_more(shop: Shop, gone: str) -> None:
    plan, early, late, paid = await shop.plan(), *[await shop.reader(n) for n in ("early", "late", "paid")]
    await shop.subscribe(early, plan)
    left_open, just_paid = await shop.checkout(late, plan), await shop.checkout(paid, plan)
    await shop.pay(just_paid["checkout_url"])
    method, _, step = gone.partition(" ")
    path = f"/creator/v1/knowledge-bases/{shop.base['id']}{step}"
    await shop.call(method, path, shop.creator, expect=204 if method == "DELETE" else 200)
    await shop.run_jobs("end_renewals")
    assert (await shop.pay(left_open["checkout_url"])).status_code == 404
    for reader in (early, paid):
        [subscription] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
        assert (subscription["status"], subscription["cancel_at_period_end"]) == ("active", True)
        path = f"/v1/subscriptions/{subscription['id']}"
        refused = await shop.call("PATCH", path, reader, {"cancel_at_period_end": False}, 409)
        assert refused["code"] == "not_on_sale"
    assert (await shop.call("GET", "/v1/subscriptions", late))["data"] == []


async def test_a_refund_is_asked_for_once(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    subscription = await shop.subscribe(reader, plan)
    path = f"/v1/subscriptions/{subscription['id']}/refund-request"
    asked = await shop.call("POST", path, reader, {"reason": "not for me"}, 201)
    assert asked["status"] == "open"
    assert (await shop.call("POST", path, reader, {}, 409))["code"] == "refund_already_requested"


async def test_figures_of_selling(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    await shop.subscribe(reader, plan)
    figures = await shop.call("GET", "/creator/v1/analytics", shop.creator)
    assert (figures["conversions"], figures["subscribers"], figures["churned"]) == (1, 1, 0)
    assert figures["mrr"] == [{"amount": 990, "currency": "cny"}]


@pytest.mark.parametrize(
    "query", [{"from": "yesterday"}, {"from": "2026-02-01", "to": "2026-01-01"}, {"to": "0001-01-01"}]
)
async def test_a_period_that_is_none_is_refused(shop: Shop, query: dict[str, str]) -> None:
    answer = await shop.client.get("/creator/v1/earnings", params=query, headers=shop.creator.headers)
    assert answer.status_code == 400, answer.text


async def test_earnings_of_a_time_before_the_sale_are_none(shop: Shop) -> None:
    plan, reader = await shop.plan(), await shop.reader()
    await shop.subscribe(reader, plan)
    assert await shop.earned(to="2020-01-01") == []
    assert [balance["earned"] for balance in await shop.earned(**{"from": "2020-01-01"})] == [792]
