"""What creators hear of their payouts: letters, banks that send money back, an account that was taken away;
and payouts in currencies of no and of three decimals."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from billing.processor.port import ProcessorAccount, ProcessorRefused
from service.platform.database import Database
from service.usecases.check_invariants import check_invariants
from service.usecases.deliver_webhooks import deliver_webhooks
from service.usecases.sweep_payout_accounts import sweep_payout_accounts
from tests.contract.sandbox_process import Sandbox
from tests.integration.paying import books_agree, onboard, pay, refund, transfers, wait_days
from tests.integration.selling import Shop, shop_open


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        yield opened


async def sell(shop: Shop, name: str, **plan: Any) -> str:
    """A subscription of a reader's; returns the charge."""
    await shop.subscribe(await shop.reader(name), await shop.plan(**plan))
    rows = await shop.rows("SELECT stripe_charge_id FROM sale ORDER BY paid_at, id")
    return str(rows[-1].stripe_charge_id)


async def told(shop: Shop, type: str) -> list[Any]:
    await deliver_webhooks(shop.context)
    listed = await shop.call("GET", "/creator/v1/events", shop.creator)
    return [event["data"] for event in listed["data"] if event["type"] == type]


async def test_a_creator_is_written_to_once_of_all_that_was_paid_together(shop: Shop) -> None:
    await onboard(shop)
    await sell(shop, "one")
    await sell(shop, "two")
    await wait_days(shop, 8)
    await pay(shop)
    await asyncio.gather(shop.run_jobs("tell_payouts"), shop.run_jobs("tell_payouts"))
    await shop.settle("transfer.created")
    await shop.run_jobs("tell_payouts")
    [letter] = await shop.rows("SELECT account_id, facts FROM letter WHERE kind = 'payout_sent'")
    assert str(letter.account_id) == shop.creator.id
    assert (letter.facts["amount"], letter.facts["currency"], letter.facts["payouts"]) == (1196, "cny", 2)
    assert [payout["amount"]["amount"] for payout in await told(shop, "payout.paid")] == [598, 598]


async def test_an_account_that_was_taken_away_is_paid_no_more_until_there_is_another(shop: Shop) -> None:
    first = await onboard(shop)
    await sell(shop, "reader")
    shop.sandbox.control("accounts", {"id": first, "status": "deauthorized"})
    late = await shop.events("account.application.deauthorized")
    await shop.deliver(late)
    await shop.work()
    known = await shop.call("GET", "/creator/v1/payout-account", shop.creator)
    assert (known["status"], known["payouts_enabled"]) == ("disconnected", False)
    await wait_days(shop, 8)
    await pay(shop)
    assert await shop.rows("SELECT FROM payout") == []
    [waits] = (await shop.call("GET", "/creator/v1/payouts/waiting", shop.creator))["data"]
    assert waits["amount"] == {"amount": 598, "currency": "cny"}
    assert waits["reason"] != "hold_back"
    second = await onboard(shop)
    assert second != first
    await pay(shop)
    [transfer] = await transfers(shop, second)
    assert transfer.amount == 598
    await books_agree(shop)


async def test_what_is_never_told_of_an_account_is_found_out(shop: Shop) -> None:
    account = await onboard(shop)
    shop.sandbox.control("accounts", {"id": account, "status": "restricted"})
    for day, status in enumerate(("restricted", "disconnected"), start=1):
        await wait_days(shop, day)
        await sweep_payout_accounts(shop.context)
        known = await shop.call("GET", "/creator/v1/payout-account", shop.creator)
        assert known["status"] == status
        if status == "restricted":
            shop.sandbox.control("accounts", {"id": account, "status": "deauthorized"})


async def test_an_account_that_stripe_refuses_to_show_holds_up_no_other(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = await onboard(shop)
    other = await shop.reader("other")
    await shop.call("PUT", "/creator/v1/profile", other, {"handle": "other", "name": "O"})
    account = await onboard(shop, other)
    shop.sandbox.control("accounts", {"id": account, "status": "restricted"})
    one_a_run = shop.context.settings.model_copy(update={"payout_account_batch": 1})
    context = replace(shop.context, settings=one_a_run)
    await wait_days(shop, 1)
    retrieve = context.payments.retrieve_account

    async def retrieve_the_other(id: str) -> ProcessorAccount:
        # The sandbox knows no reason to refuse an account but its being gone; Stripe has more.
        if id == refused:
            raise ProcessorRefused("no", "platform_account_required")
        return await retrieve(id)

    monkeypatch.setattr(context.payments, "retrieve_account", retrieve_the_other)
    statuses = []
    for _ in range(2):
        await sweep_payout_accounts(context)
        known = await shop.call("GET", "/creator/v1/payout-account", other)
        statuses.append(known["status"])
    assert statuses == ["enabled", "restricted"]
    assert (await shop.call("GET", "/creator/v1/payout-account", shop.creator))["status"] == "enabled"


async def test_a_creators_bank_that_sends_money_back_is_told_and_moves_nothing_here(shop: Shop) -> None:
    account = await onboard(shop)
    shop.sandbox.control("balance", {"amount": 5000, "currency": "cny", "account": account})
    balances = "SELECT id, balance FROM ledger_account ORDER BY id"
    before = await shop.rows(balances)
    sent = shop.sandbox.control("payouts", {"amount": 3000, "currency": "cny", "account": account})
    await shop.settle("payout.created")
    shop.sandbox.control("payouts", {"payout": sent["id"], "status": "failed", "account": account})
    heard = await shop.events("payout.failed")
    for _ in range(2):
        await shop.deliver(heard)
        await shop.work()
    [row] = await shop.rows("SELECT creator_id, status, failure_code FROM bank_payout")
    assert (str(row.creator_id), row.status) == (shop.creator.id, "failed")
    [failed] = await told(shop, "payout.failed")
    assert failed["amount"] == {"amount": 3000, "currency": "cny"}
    assert failed["reason"] == row.failure_code
    assert await shop.rows(balances) == before


@pytest.mark.parametrize(("currency", "price", "back"), [("jpy", 501, 167), ("kwd", 1990, 660)])
async def test_a_sale_in_another_unit_is_refunded_and_paid_out_to_the_last_of_it(
    shop: Shop, currency: str, price: int, back: int
) -> None:
    account = await onboard(shop)
    plan = {"interval": "month", "price": {"amount": price, "currency": currency}}
    charge = await sell(shop, "reader", **plan)
    [sold] = await shop.earned()
    assert (sold["currency"], sold["earned"]) == (currency, price - round(price * 0.2))
    await refund(shop, charge, back)
    await wait_days(shop, 8)
    await pay(shop)
    [owed] = await shop.earned()
    [transfer] = await transfers(shop, account)
    assert (transfer.currency, transfer.amount) == (currency, owed["paid"])
    assert owed["payable"] == 0
    assert owed["paid"] == owed["earned"] - owed["fees"] - owed["refunded"]
    await refund(shop, charge)
    [owed] = await shop.earned()
    assert owed["refunded"] == owed["earned"]
    assert owed["payable"] == -owed["fees"]
    await books_agree(shop)
    await deliver_webhooks(shop.context)
    broken = {one.name: one.faults for one in await check_invariants(shop.context) if one.faults}
    assert not broken, broken
