"""A renewal that is not paid: where to pay it, how long access goes on, what brings it back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.platform.database import Database
from tests.contract.sandbox_process import Sandbox
from tests.contract.stripe_contract import watched
from tests.integration.clocks import advance, keep_time
from tests.integration.selling import DECLINED, FAILS_LATER, Shop, shop_open
from tests.integration.subscribing import another_card, leave, read, with_card

ASKS = "4000002760003184"
OPEN = "SELECT revoked_at IS NULL AND ends_at > zhihao_now() AS open FROM access_grant WHERE account_id = :a"


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    with watched():
        async with shop_open(database, till, grace_days=2) as opened:
            await keep_time(opened)
            yield opened
            await leave(opened)
            till.control("rules", method="DELETE")


async def is_open(shop: Shop, account: str) -> bool:
    [row] = await shop.rows(OPEN, a=account)
    return bool(row.open)


async def test_access_ends_with_the_grace_and_comes_back_with_the_payment(shop: Shop) -> None:
    reader, plan = await shop.reader(), await shop.plan()
    await with_card(shop, reader, plan, FAILS_LATER)
    await advance(shop, 32, "invoice.payment_failed")
    late = await read(shop, reader)
    assert (late["status"], await is_open(shop, reader.id)) == ("past_due", True)
    await advance(shop, 3)
    assert (await read(shop, reader))["status"] == "past_due"
    assert not await is_open(shop, reader.id)
    await another_card(shop, reader)
    await advance(shop, 4, "invoice.paid")
    assert (await read(shop, reader))["status"] == "active"
    assert await is_open(shop, reader.id)
    assert [balance["earned"] for balance in await shop.earned()] == [1584]


async def test_what_is_given_up_as_unpaid_is_closed_until_it_is_paid(shop: Shop) -> None:
    shop.sandbox.control("rules", {"dunning_outcome": "unpaid"})
    reader, plan = await shop.reader(), await shop.plan()
    await with_card(shop, reader, plan, FAILS_LATER)
    await advance(shop, 32, "invoice.payment_failed")
    await advance(shop, 17, "customer.subscription.updated")
    unpaid = await read(shop, reader)
    assert (unpaid["status"], await is_open(shop, reader.id)) == ("unpaid", False)
    [grant] = await shop.rows("SELECT revoked_at FROM access_grant")
    assert grant.revoked_at is not None
    await another_card(shop, reader)
    await pay_what_is_due(shop)
    await shop.settle("invoice.paid")
    assert (await read(shop, reader))["status"] == "active"
    assert await is_open(shop, reader.id)


async def test_a_bank_that_asks_is_a_payment_to_be_made_on_the_page(shop: Shop) -> None:
    reader, plan = await shop.reader(), await shop.plan()
    page = await shop.checkout(reader, plan)
    await shop.pay(page["checkout_url"], ASKS, authenticate="complete")
    await shop.settle("invoice.paid")
    await advance(shop, 32, "invoice.payment_action_required")
    asked = await read(shop, reader)
    assert asked["status"] == "past_due"
    assert asked["payment_url"].startswith(shop.sandbox.url)
    await shop.pay(asked["payment_url"], ASKS, authenticate="complete")
    await shop.settle("invoice.paid")
    paid = await read(shop, reader)
    assert (paid["status"], paid["payment_url"]) == ("active", None)


async def test_a_first_payment_that_never_comes_grants_nothing_and_costs_no_trial(shop: Shop) -> None:
    reader, plan = await shop.reader(), await shop.plan()
    page = await shop.checkout(reader, plan)
    await shop.pay(page["checkout_url"], DECLINED)
    await shop.settle()
    await advance(shop, 2)
    for one in (await shop.call("GET", "/v1/subscriptions", reader))["data"]:
        assert one["status"] in {"incomplete", "incomplete_expired"}
    assert await shop.rows("SELECT 1 FROM access_grant WHERE revoked_at IS NULL") == []
    trial = await shop.plan(interval="month", trial_days=7, price={"amount": 990, "currency": "cny"})
    await shop.pay((await shop.checkout(reader, trial))["checkout_url"])
    await shop.settle("checkout.session.completed")
    assert (await read(shop, reader))["status"] == "trialing"


async def pay_what_is_due(shop: Shop) -> Any:
    """Pays the newest invoice of the one subscription that runs."""
    [row] = await shop.rows("SELECT stripe_subscription_id FROM subscription WHERE ended_at IS NULL")
    found = await shop.context.payments.retrieve_subscription(row.stripe_subscription_id)
    async with shop.sandbox.client() as client:
        return await client.v1.invoices.pay_async(found.latest_invoice_id or "")
