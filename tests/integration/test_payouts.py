"""Creators are paid what is due to them, once, whatever happens on the way."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from service.platform.database import Database
from tests.contract.sandbox_process import Sandbox, sandbox_running
from tests.integration.paying import books_agree, onboard, pay, refund, transfers, wait_days
from tests.integration.selling import Shop, shop_open


@pytest.fixture(scope="module")
def till(postgres: str) -> Iterator[Sandbox]:
    name = f"sandbox_{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    head, _, tail = postgres.rpartition("/zhihao?")
    with sandbox_running(f"{head}/{name}?{tail}") as running:
        yield running


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        yield opened
        till.control("faults", method="DELETE")


async def balance_of(shop: Shop) -> tuple[int, int, int, int, int]:
    [one] = await shop.earned()
    return one["earned"], one["fees"], one["refunded"], one["paid"], one["payable"]


async def sell(shop: Shop, name: str = "reader") -> str:
    """A month's subscription: 792 earned and 194 of fees. Returns the charge."""
    before = {row.stripe_charge_id for row in await shop.rows("SELECT stripe_charge_id FROM sale")}
    plans = await shop.rows("SELECT id FROM plan")
    plan: Any = {"id": str(plans[0].id)} if plans else await shop.plan()
    await shop.subscribe(await shop.reader(name), plan)
    [charge] = {row.stripe_charge_id for row in await shop.rows("SELECT stripe_charge_id FROM sale")} - before
    return str(charge)


async def test_a_sale_is_transferred_after_the_hold_back_and_once(shop: Shop) -> None:
    account = await onboard(shop)
    charge = await sell(shop)
    await pay(shop)
    assert await transfers(shop, account) == []
    await wait_days(shop, 8)
    await pay(shop)
    await pay(shop)
    [transfer] = await transfers(shop, account)
    assert (transfer.amount, transfer.currency, transfer.source_transaction) == (598, "cny", charge)
    assert await balance_of(shop) == (792, 194, 0, 598, 0)
    await shop.settle("transfer.created")
    assert await balance_of(shop) == (792, 194, 0, 598, 0)
    await books_agree(shop)


async def test_a_refund_after_the_payout_takes_the_transfer_back_to_the_last_unit(shop: Shop) -> None:
    account = await onboard(shop)
    charge = await sell(shop)
    await wait_days(shop, 8)
    await pay(shop)
    for amount in (333, 333):
        await refund(shop, charge, amount)
        earned, fees, refunded, paid, payable = await balance_of(shop)
        assert (earned - fees - refunded, payable) == (paid, 0)
    await refund(shop, charge)
    # The fee of a sale that was given back stays: it is a debt of the creator's share.
    earned, fees, refunded, paid, payable = await balance_of(shop)
    assert (earned, fees, refunded, paid, payable) == (792, 194, 792, 0, -194)
    [transfer] = await transfers(shop, account)
    assert transfer.reversed
    await books_agree(shop)
