"""Subscriptions over time: trials, renewals, payments that fail, on a sandbox whose clock is moved."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from billing.processor.port import CheckoutRequest, LineItem
from service.platform.database import Database, zhihao_now
from tests.contract.sandbox_process import Sandbox
from tests.integration.clocks import advance, keep_time
from tests.integration.selling import FAILS_LATER, Shop, shop_open

GRANT = "SELECT * FROM access_grant WHERE account_id = :account"


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        await keep_time(opened)
        yield opened


async def test_each_renewal_is_another_sale_and_a_longer_grant(shop: Shop) -> None:
    reader = await shop.reader()
    before = await shop.subscribe(reader, await shop.plan())
    [granted] = await shop.rows(GRANT, account=reader.id)
    await advance(shop, 32, "invoice.paid")
    [after] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert after["current_period_end"] > before["current_period_end"]
    [longer] = await shop.rows(GRANT, account=reader.id)
    assert longer.ends_at > granted.ends_at + timedelta(days=27)
    [balance] = await shop.earned()
    assert (balance["earned"], balance["fees"]) == (1584, 388)
    periods = await shop.rows(
        "SELECT period_start, period_end FROM sale WHERE account_id = :account ORDER BY paid_at",
        account=reader.id,
    )
    assert periods[0].period_end == periods[1].period_start


async def test_a_trial_is_open_at_once_paid_later_and_given_once(shop: Shop) -> None:
    reader = await shop.reader()
    plan = await shop.plan(interval="month", trial_days=7, price={"amount": 990, "currency": "cny"})
    await shop.pay((await shop.checkout(reader, plan))["checkout_url"])
    await shop.settle("customer.subscription.created", "checkout.session.completed")
    [trial] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert trial["status"] == "trialing"
    [grant] = await shop.rows(GRANT, account=reader.id)
    assert grant.revoked_at is None
    assert await shop.earned() == []
    await advance(shop, 8, "invoice.paid")
    [paid] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert paid["status"] == "active"
    assert [balance["earned"] for balance in await shop.earned()] == [792]
    await shop.call("DELETE", f"/v1/subscriptions/{trial['id']}", reader, expect=204)
    again = await shop.subscribe(reader, plan)
    assert (again["status"], again["trial_end"]) == ("active", None)


async def test_a_failed_renewal_has_grace_and_then_ends(shop: Shop) -> None:
    reader, plan = await shop.reader(), await shop.plan()
    await shop.pay((await shop.checkout(reader, plan))["checkout_url"], FAILS_LATER)
    await shop.settle("invoice.paid")
    await advance(shop, 32, "invoice.payment_failed")
    [late] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert late["status"] == "past_due"
    [row] = await shop.rows(
        "SELECT past_due_since, ends_at, zhihao_now() AS now FROM subscription"
        " JOIN access_grant ON source_id = subscription.id WHERE subscription.account_id = :account",
        account=reader.id,
    )
    assert row.ends_at == row.past_due_since + timedelta(days=7)
    assert row.ends_at > row.now
    await advance(shop, 40, "customer.subscription.deleted")
    [ended] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert ended["status"] == "canceled"
    [grant] = await shop.rows(GRANT, account=reader.id)
    assert grant.revoked_at is not None
    assert [balance["earned"] for balance in await shop.earned()] == [792]


async def test_two_pages_both_paid_leave_one_subscription(shop: Shop) -> None:
    reader, plan = await shop.reader(), await shop.plan()
    subscription = await shop.subscribe(reader, plan)
    [first] = await shop.rows(
        "SELECT stripe_price_id, stripe_customer_id, stripe_subscription_id"
        " FROM subscription JOIN plan_price ON plan_price.id = price_id WHERE account_id = :account",
        account=reader.id,
    )
    metadata = (await shop.context.payments.retrieve_subscription(first.stripe_subscription_id)).metadata
    # A page that could not be closed in time.
    page = await shop.context.payments.create_checkout(
        CheckoutRequest(
            mode="subscription",
            line_items=[LineItem(price_id=first.stripe_price_id)],
            success_url="http://127.0.0.1/",
            cancel_url="http://127.0.0.1/",
            client_reference_id="second",
            metadata=metadata,
            customer_id=first.stripe_customer_id,
        ),
        idempotency_key=str(uuid4()),
    )
    await shop.pay(page.url or "")
    await shop.settle("invoice.paid")
    await shop.settle("charge.refunded", "customer.subscription.deleted")
    await shop.work()
    listed = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert {one["id"]: one["status"] for one in listed}[subscription["id"]] == "active"
    assert sorted(one["status"] for one in listed) == ["active", "canceled"]
    [balance] = await shop.earned()
    assert balance["earned"] - balance["refunded"] == 792


async def test_shares_of_metered_calls_are_earned_when_their_invoice_is_paid(shop: Shop) -> None:
    organization, payments = uuid4(), shop.context.payments
    customer = await payments.create_customer(
        email=None, name=None, metadata={}, idempotency_key=str(uuid4())
    )
    prices = await payments.ensure_metered_prices(
        currency="cny", unit_amounts={"answers": Decimal(200)}, included={}, idempotency_key=str(uuid4())
    )
    page = await payments.create_checkout(
        CheckoutRequest(
            mode="subscription",
            line_items=[LineItem(price_id=prices.prices["answers"], quantity=None)],
            success_url="http://127.0.0.1/",
            cancel_url="http://127.0.0.1/",
            client_reference_id=str(organization),
            metadata={
                "kind": "contract",
                "organization_id": str(organization),
                "intent_id": str(uuid4()),
            },
            customer_id=customer,
        ),
        idempotency_key=str(uuid4()),
    )
    await shop.pay(page.url or "")
    await shop.settle("customer.subscription.created", "checkout.session.completed")
    [contract] = await shop.rows("SELECT status FROM contract WHERE organization_id = :o", o=organization)
    assert contract.status == "active"
    for call, accrued in ((uuid4(), 101), (uuid4(), 100)):
        await used(shop, call, organization, amount=200, accrued=accrued)
    async with shop.context.database.reading() as connection:
        now = await zhihao_now(connection)
    await payments.send_meter_event(
        meter="answers", customer_id=customer, value=2, timestamp=now, identifier=str(uuid4())
    )
    assert (await earnings(shop))["accruing"] == [{"amount": 201, "currency": "cny"}]
    assert (await earnings(shop))["balances"] == []
    await advance(shop, 32, "invoice.paid")
    while (settled := await earnings(shop))["accruing"]:
        await shop.settle("invoice.paid")  # what was heard first was another's
    [balance] = settled["balances"]
    assert balance["earned"] == 201
    [sale] = await shop.rows("SELECT * FROM sale WHERE organization_id = :o", o=organization)
    assert (sale.kind, sale.settled_amount, sale.creator_amount, sale.platform_amount) == (
        "metered",
        400,
        201,
        199,
    )


async def used(shop: Shop, call: UUID, organization: UUID, *, amount: int, accrued: int) -> None:
    """One billed answer drawn from the shop's knowledge base."""
    async with shop.context.database.transaction() as session:
        common = {
            "call": call,
            "organization": organization,
            "amount": amount,
            "accrued": accrued,
            "base": shop.base["id"],
            "creator": shop.creator.id,
        }
        for statement in (USAGE_EVENT, USAGE_SHARE):
            await session.execute(sa.text(statement), common)


async def earnings(shop: Shop) -> Any:
    return await shop.call("GET", "/creator/v1/earnings", shop.creator)


USAGE_EVENT = """
    INSERT INTO usage_event (call_id, meter, month, at, organization_id, key_id, units, amount, currency)
    VALUES (:call, 'answers', date_trunc('month', zhihao_now(), 'UTC'), zhihao_now(), :organization,
            :call, 1, :amount, 'cny')
"""
USAGE_SHARE = """
    INSERT INTO usage_share (call_id, knowledge_base_id, month, meter, at, organization_id, creator_id,
                             units, amount, accrued, currency)
    VALUES (:call, :base, date_trunc('month', zhihao_now(), 'UTC'), 'answers', zhihao_now(), :organization,
            :creator, 1, :amount, :accrued, 'cny')
"""
