"""Tax is the state's: it is in the price, in nobody's share, and on the page that buyers agree on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.platform.database import Database
from tests.contract.sandbox_process import Sandbox
from tests.contract.stripe_contract import watched
from tests.integration.clocks import advance, keep_time
from tests.integration.selling import Shop, shop_open
from tests.integration.serving import SignedIn
from tests.integration.subscribing import leave

PASS = {"interval": "once", "days": 30, "price": {"amount": 1500, "currency": "cny"}}
DEARER = {"interval": "month", "price": {"amount": 1990, "currency": "cny"}}
GERMAN = 119
"""Percent of the price less its tax, in Germany."""


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    with watched():
        async with shop_open(database, till, stripe_automatic_tax=True, terms_required=True) as opened:
            await keep_time(opened)
            yield opened
            await leave(opened)


async def buy(shop: Shop, reader: SignedIn, plan: Any, **fields: str) -> None:
    await shop.pay((await shop.checkout(reader, plan))["checkout_url"], **fields)


async def shares(shop: Shop) -> list[tuple[int, int, int, int]]:
    rows = await shop.rows(
        "SELECT settled_amount, settled_tax, creator_amount, platform_amount FROM sale ORDER BY paid_at, id"
    )
    return [tuple(row) for row in rows]


def divided(paid: int) -> tuple[int, int, int, int]:
    """What a German buyer's payment comes to, by hand."""
    tax = paid - round(paid * 100 / GERMAN)
    platform = round((paid - tax) / 5)
    return (paid, tax, paid - tax - platform, platform)


async def test_a_subscription_and_its_renewals_are_split_less_their_tax(shop: Shop) -> None:
    reader = await shop.reader()
    await buy(shop, reader, await shop.plan(), country="DE")
    await shop.settle("invoice.paid")
    await advance(shop, 32, "invoice.paid")
    assert await shares(shop) == [divided(990)] * 2
    [owed] = await shop.rows("SELECT balance FROM ledger_account WHERE kind = 'tax_payable'")
    assert owed.balance == -2 * divided(990)[1]
    listed = await shop.call("GET", "/v1/subscriptions", reader)
    paid = await shop.call("GET", f"/v1/subscriptions/{listed['data'][0]['id']}/invoices", reader)
    assert [one["tax"]["amount"] for one in paid["data"]] == [divided(990)[1]] * 2


async def test_an_upgrade_is_split_less_the_tax_of_what_was_paid(shop: Shop) -> None:
    reader, plan, dearer = await shop.reader(), await shop.plan(), await shop.plan(**DEARER)
    await buy(shop, reader, plan, country="DE")
    await shop.settle("invoice.paid")
    [subscription] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    await shop.call("PATCH", f"/v1/subscriptions/{subscription['id']}", reader, {"plan_id": dearer["id"]})
    await shop.settle("invoice.paid")
    [_, (paid, tax, creator, platform)] = await shares(shop)
    assert abs(tax - divided(paid)[1]) <= 1
    assert creator + platform + tax == paid


async def test_passes_and_tips_hold_their_tax_as_well(shop: Shop) -> None:
    reader = await shop.reader()
    await buy(shop, reader, await shop.plan(**PASS), country="DE")
    await shop.settle("checkout.session.completed", "payment_intent.succeeded")
    body = {"handle": "creator", "price": {"amount": 500, "currency": "cny"}}
    tip = await shop.call("POST", "/v1/tips", reader, body, 201)
    await shop.pay(tip["checkout_url"], country="DE")
    await shop.settle("checkout.session.completed", "payment_intent.succeeded")
    assert await shares(shop) == [divided(1500), divided(500)]


async def test_where_no_tax_is_collected_none_is_kept(shop: Shop) -> None:
    await buy(shop, await shop.reader(), await shop.plan(), country="HK")
    await shop.settle("invoice.paid")
    assert await shares(shop) == [(990, 0, 792, 198)]


async def test_a_business_abroad_that_gives_its_tax_number_pays_the_tax_itself(shop: Shop) -> None:
    await buy(shop, await shop.reader(), await shop.plan(), country="DE", tax_id="DE123456789")
    await shop.settle("invoice.paid")
    [(paid, tax, creator, platform)] = await shares(shop)
    assert tax == 0
    assert creator + platform == paid
