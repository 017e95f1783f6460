"""Creators are paid what is due to them, once, whatever happens on the way."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from billing.payouts import recording
from service.platform.database import Database
from service.usecases import send_payouts
from service.usecases.balance_sale import balance_sale
from service.usecases.check_invariants import check_invariants
from tests.contract.sandbox_process import Sandbox
from tests.integration.paying import (
    books_agree,
    earn_loose,
    long_ago,
    netting_day,
    onboard,
    pay,
    refund,
    transfers,
    wait_days,
)
from tests.integration.selling import Shop, shop_open


class Killed(BaseException):
    """The process is no more: nothing after it happens."""


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


async def test_a_crash_between_the_call_and_the_commit_transfers_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Story 6."""
    account = await onboard(shop)
    await sell(shop)
    await wait_days(shop, 8)

    async def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(send_payouts, "record_transfer", killed)
        with pytest.raises(Killed):
            await pay(shop)
    assert len(await transfers(shop, account)) == 1
    assert await balance_of(shop) == (792, 194, 0, 0, 598)
    await pay(shop)  # still under way, for all that is known
    await long_ago(shop)
    await pay(shop)
    assert len(await transfers(shop, account)) == 1
    assert await balance_of(shop) == (792, 194, 0, 598, 0)
    await books_agree(shop)


async def test_what_was_never_asked_is_asked_with_the_same_key_and_what_is_old_with_another(
    shop: Shop,
) -> None:
    account = await onboard(shop)
    await sell(shop)
    await wait_days(shop, 8)
    shop.sandbox.control("faults", {"outage": True})
    await pay(shop)
    [payout] = await shop.rows("SELECT status, attempt FROM payout")
    assert (payout.status, payout.attempt) == ("sending", 1)
    shop.sandbox.control("faults", {"outage": False})
    await long_ago(shop, hours=24)
    await pay(shop)
    [payout] = await shop.rows("SELECT status, attempt FROM payout")
    assert (payout.status, payout.attempt) == ("paid", 2)
    assert len(await transfers(shop, account)) == 1


async def test_a_replayed_failure_gets_another_key_after_a_look(shop: Shop) -> None:
    """Story 14: 429 and 409 pass, a kept 500 is asked again under another key."""
    account = await onboard(shop)
    await sell(shop)
    await wait_days(shop, 8)
    shop.sandbox.control("faults", {"server_errors": 1})
    await pay(shop)
    [payout] = await shop.rows("SELECT status, key_spent FROM payout")
    assert (payout.status, payout.key_spent) == ("sending", True)
    await long_ago(shop)
    shop.sandbox.control("faults", {"conflicts": 1})
    await pay(shop)
    [payout] = await shop.rows("SELECT status, attempt FROM payout")
    assert (payout.status, payout.attempt) == ("paid", 2)
    await sell(shop, "another")
    shop.sandbox.control("faults", {"rate_limited": 1})
    await pay(shop)
    assert len(await transfers(shop, account)) == 1
    await long_ago(shop)
    await pay(shop)
    assert len(await transfers(shop, account)) == 2
    assert await balance_of(shop) == (1584, 388, 0, 1196, 0)


async def test_too_little_in_the_balance_waits_and_is_tried_later(shop: Shop) -> None:
    """Story 11: a netted month needs money that is there; a charge carries its own."""
    account = await onboard(shop)
    creator = shop.creator.id
    await earn_loose(shop, creator, 50_000)
    await netting_day(shop)
    await pay(shop)
    [payout] = (await shop.call("GET", "/creator/v1/payouts", shop.creator))["data"]
    assert (payout["status"], payout["reason"], payout["kind"]) == (
        "waiting",
        "balance_insufficient",
        "netted",
    )
    await pay(shop)
    shop.sandbox.control("balance", {"amount": 100_000_000, "currency": "cny"})
    await shop.rows("UPDATE payout SET retry_at = now() - interval '1 day' RETURNING 1")
    await pay(shop)
    [transfer] = await transfers(shop, account)
    assert transfer.amount == 50_000
    await pay(shop)
    assert len(await transfers(shop, account)) == 1


async def test_what_cannot_be_taken_back_is_a_debt_that_later_sales_pay(shop: Shop) -> None:
    """Story 12, where the transfer was gone: the debt is exact, and paid before anything else."""
    account = await onboard(shop)
    charge = await sell(shop)
    await wait_days(shop, 8)
    await pay(shop)
    async with shop.sandbox.client() as client:
        # By hand, and so all of it: nothing is left to be reversed when the refund comes.
        [transfer] = await transfers(shop, account)
        await client.v1.transfers.reversals.create_async(transfer.id, {"amount": 598})
    await shop.settle("transfer.reversed")
    assert await balance_of(shop) == (792, 194, 0, 0, 598)
    await pay(shop)
    assert await balance_of(shop) == (792, 194, 0, 598, 0)
    [_, again] = await transfers(shop, account)
    assert again.amount == 598
    await refund(shop, charge)
    assert await balance_of(shop) == (792, 194, 792, 0, -194)
    [waiting] = (await shop.call("GET", "/creator/v1/payouts/waiting", shop.creator))["data"]
    assert (waiting["reason"], waiting["amount"]["amount"]) == ("debt", -194)
    await sell(shop, "another")
    await wait_days(shop, 16)
    await pay(shop)
    assert [one.amount for one in await transfers(shop, account)][2:] == [598 - 194]
    assert await balance_of(shop) == (1584, 388, 792, 404, 0)
    assert (await shop.call("GET", "/creator/v1/payouts/waiting", shop.creator))["data"] == []
    await books_agree(shop)


async def test_a_reversal_that_was_cut_off_is_looked_up_and_not_made_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await onboard(shop)
    charge = await sell(shop)
    await wait_days(shop, 8)
    await pay(shop)

    async def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(recording, "record_reversal", killed)
        with pytest.raises(Killed):
            await refund(shop, charge, 99)
    [sale] = await shop.rows("SELECT id FROM sale")
    await balance_sale(shop.context, sale_id=str(sale.id))
    [transfer] = await transfers(shop, account)
    assert transfer.amount_reversed == 79
    assert await balance_of(shop) == (792, 194, 79, 519, 0)
    await books_agree(shop)


async def test_a_transfer_made_by_hand_counts_as_paid(shop: Shop) -> None:
    account = await onboard(shop)
    charge = await sell(shop)
    async with shop.sandbox.client() as client:
        await client.v1.transfers.create_async(
            {"amount": 100, "currency": "cny", "destination": account, "source_transaction": charge}
        )
    await shop.settle("transfer.created")
    await shop.settle()
    assert await balance_of(shop) == (792, 194, 0, 100, 498)
    await wait_days(shop, 8)
    await pay(shop)
    assert [one.amount for one in await transfers(shop, account)] == [100, 498]


async def test_nobody_is_paid_who_is_not_onboarded_frozen_disputed_or_blocked(shop: Shop) -> None:
    await sell(shop)
    await wait_days(shop, 8)
    await pay(shop)
    assert await shop.rows("SELECT 1 FROM payout") == []
    assert await reasons(shop) == {"onboarding": 598}
    account = await onboard(shop)
    frozen = "UPDATE {} SET frozen_at = {}"
    block = "INSERT INTO payout_block VALUES ('usage_mismatch', 'x', now())"
    for held, undone, reason in (
        (frozen.format("payout_account", "now()"), frozen.format("payout_account", "NULL"), "frozen"),
        (frozen.format("sale", "now()"), frozen.format("sale", "NULL"), "disputed"),
        (block, "DELETE FROM payout_block", "blocked"),
    ):
        await shop.rows(f"{held} RETURNING 1")
        await pay(shop)
        assert await transfers(shop, account) == [], reason
        assert await reasons(shop) == {reason: 598}
        await shop.rows(f"{undone} RETURNING 1")
    await pay(shop)
    assert len(await transfers(shop, account)) == 1


async def test_sales_stop_when_nowhere_to_pay_is_given_in_time(shop: Shop) -> None:
    await sell(shop)
    plan = (await shop.rows("SELECT id FROM plan"))[0]
    before = await shop.call("GET", "/creator/v1/payout-account", shop.creator)
    assert before["sales_open"] and before["sales_stop_at"] is not None
    await wait_days(shop, 31)
    late = await shop.reader("late")
    assert not (await shop.call("GET", "/creator/v1/payout-account", shop.creator))["sales_open"]
    refused = await shop.checkout(late, {"id": str(plan.id)}, 409)
    assert refused["code"] == "sales_stopped"
    body = {"handle": "creator", "price": {"amount": 500, "currency": "cny"}}
    assert (await shop.call("POST", "/v1/tips", late, body, 409))["code"] == "sales_stopped"
    await onboard(shop)
    await shop.checkout(late, {"id": str(plan.id)})


async def test_the_platforms_own_payouts_leave_the_balance_and_a_cancelled_one_comes_back(
    shop: Shop,
) -> None:
    shop.sandbox.control("balance", {"amount": 10_000, "currency": "eur"})
    async with shop.sandbox.client() as client:
        payout = await client.v1.payouts.create_async({"amount": 700, "currency": "eur"})
        await client.v1.payouts.cancel_async(payout.id)
        await client.v1.payouts.create_async({"amount": 300, "currency": "eur"})
    await shop.settle("payout.created", "payout.canceled")
    rows = await shop.rows("SELECT kind, balance FROM ledger_account WHERE currency = 'eur'")
    assert {row.kind: row.balance for row in rows} == {"stripe_balance": -300, "bank": 300}


async def reasons(shop: Shop) -> dict[str, int]:
    waiting = await shop.call("GET", "/creator/v1/payouts/waiting", shop.creator)
    return {one["reason"]: one["amount"]["amount"] for one in waiting["data"]}


async def test_the_doctor_finds_nothing_and_names_what_is_broken(shop: Shop) -> None:
    account = await onboard(shop)
    charge = await sell(shop)
    await wait_days(shop, 8)
    await pay(shop)
    await refund(shop, charge, 333)
    assert len(await transfers(shop, account)) == 1
    assert await faulty(shop) == set()
    for damage, found in (
        ("UPDATE allocation SET paid = paid + 1", {"payouts.lines"}),
        ("UPDATE payout SET reversed = reversed - 1", {"payouts.lines", "payouts.posted"}),
        (
            "UPDATE payout SET amount = amount + 9",
            {"payouts.lines", "payouts.posted", "payouts.within_payable"},
        ),
    ):
        await shop.rows(f"{damage} RETURNING 1")
        assert await faulty(shop) == found


async def faulty(shop: Shop) -> set[str]:
    findings = await check_invariants(shop.context)
    return {one.name for one in findings if one.faults and one.name.startswith(("payouts.", "ledger."))}
