"""Payments that a buyer's bank disputes: the money, who bears what, what stays open, on doors and sandbox."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from billing.ledger.splitting import split_metered
from billing.money import Money
from billing.processor.port import CheckoutRequest, LineItem
from billing.subscriptions import sales
from billing.subscriptions.sales import Sold
from service.platform.database import Database
from service.usecases.give_refund import give_refund
from service.usecases.settle_dispute import judge_dispute
from tests.contract.sandbox_process import Sandbox
from tests.contract.stripe_contract import watched
from tests.integration.paying import onboard, pay, wait_days
from tests.integration.refunding import books_agree, bought, refund, tipped
from tests.integration.selling import Shop, shop_open
from tests.integration.serving import SignedIn


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    with watched():
        async with shop_open(database, till) as opened:
            yield opened
    till.control("faults", method="DELETE")
    till.control("rules", method="DELETE")


async def dispute(shop: Shop, **how: Any) -> Any:
    """The buyer's bank comes; returns the dispute as the creator sees it."""
    [sale] = await shop.rows("SELECT stripe_charge_id FROM sale")
    shop.sandbox.control("disputes", {"charge": sale.stripe_charge_id, **how})
    await shop.settle("charge.dispute.created")
    return (await shop.call("GET", "/creator/v1/disputes", shop.creator))["data"][0]


async def decide(shop: Shop, status: str) -> Any:
    """The bank decides, or an inquiry becomes more than that."""
    [row] = await shop.rows("SELECT stripe_dispute_id FROM dispute")
    shop.sandbox.control("disputes", {"dispute": row.stripe_dispute_id, "status": status})
    await shop.settle("charge.dispute.updated" if status == "needs_response" else "charge.dispute.closed")
    return (await shop.call("GET", "/creator/v1/disputes", shop.creator))["data"][0]


async def is_open(shop: Shop, reader: SignedIn) -> bool:
    """Whether the reader's grant opens something now."""
    [row] = await shop.rows("SELECT revoked_at FROM access_grant WHERE account_id = :id", id=reader.id)
    return row.revoked_at is None


async def frozen(shop: Shop) -> bool:
    [row] = await shop.rows("SELECT frozen_at FROM sale")
    return row.frozen_at is not None


async def platform(shop: Shop) -> dict[str, int]:
    rows = await shop.rows("SELECT kind, balance FROM ledger_account WHERE owner_id IS NULL")
    return {row.kind: row.balance for row in rows}


async def test_while_disputed_the_money_is_gone_the_sale_frozen_and_nothing_open(shop: Shop) -> None:
    reader = await shop.reader()
    purchase = await bought(shop, reader)
    before = await platform(shop)
    seen = await dispute(shop)
    assert (seen["status"], seen["amount"]["amount"]) == ("needs_response", 990)
    assert (seen["withdrawn"], seen["closed_at"]) == (990, None)
    fee = seen["fee"]
    assert await frozen(shop)
    assert not await is_open(shop, reader)
    [balance] = await shop.earned()
    assert (balance["earned"], balance["refunded"], balance["fees"]) == (792, 792, 194)
    after = await platform(shop)
    assert after["processor_fees"] - before["processor_fees"] == fee
    assert before["stripe_balance"] - after["stripe_balance"] == 990 + fee
    refused = await refund(shop, purchase["id"], None, 409)
    assert refused["code"] == "charge_disputed"
    [mine] = (await shop.call("GET", "/v1/purchases", reader))["data"]
    assert mine["status"] == "disputed"
    await books_agree(shop)
    letters = await shop.rows("SELECT account_id FROM letter WHERE kind = 'dispute_opened'")
    assert [str(row.account_id) for row in letters] == [shop.creator.id]


async def test_a_dispute_that_is_won_is_as_if_it_had_not_been_but_for_its_fee(shop: Shop) -> None:
    reader = await shop.reader()
    purchase = await bought(shop, reader)
    fee = (await dispute(shop))["fee"]
    won = await decide(shop, "won")
    assert (won["status"], won["withdrawn"], won["reinstated"], won["creator_fee"]) == ("won", 990, 990, 0)
    assert won["closed_at"] is not None
    assert not await frozen(shop)
    assert await is_open(shop, reader)
    [balance] = await shop.earned()
    assert (balance["earned"], balance["refunded"], balance["fees"]) == (792, 0, 194)
    assert (await platform(shop))["processor_fees"] == 48 + fee
    assert await shop.run_jobs("end_given_back") == 0
    await refund(shop, purchase["id"])
    assert [balance["refunded"] for balance in await shop.earned()] == [792]
    await books_agree(shop)
    told = await shop.rows("SELECT type FROM outgoing_event WHERE type LIKE 'dispute.%' ORDER BY id")
    assert [row.type for row in told if row.type != "dispute.updated"] == [
        "dispute.created",
        "dispute.closed",
    ]


@pytest.mark.parametrize(("reason", "bears"), [("fraudulent", False), ("product_not_received", True)])
async def test_a_lost_dispute_ends_the_subscription_and_its_fee_is_whose_fault_it_is(
    shop: Shop, reason: str, bears: bool
) -> None:
    reader = await shop.reader()
    await bought(shop, reader)
    fee = (await dispute(shop, reason=reason))["fee"]
    lost = await decide(shop, "lost")
    assert lost["creator_fee"] == (fee if bears else 0)
    assert not await frozen(shop)
    assert await shop.run_jobs("end_given_back") == 1
    [subscription] = (await shop.call("GET", "/v1/subscriptions", reader))["data"]
    assert subscription["status"] == "canceled"
    assert not await is_open(shop, reader)
    [balance] = await shop.earned()
    assert (balance["refunded"], balance["fees"]) == (792, 194 + (fee if bears else 0))
    # An operator sees it otherwise, and then thinks again.
    [row] = await shop.rows("SELECT id FROM dispute")
    for word in (not bears, bears, None):
        judged = await judge_dispute(
            shop.context, id=row.id, operator_id=uuid4(), creator_at_fault=word, once=None
        )
        expected = bears if word is None else word
        assert judged.creator_fee == (fee if expected else 0)
    [balance] = await shop.earned()
    assert balance["fees"] == 194 + (fee if bears else 0)
    await books_agree(shop)


async def test_a_dispute_after_a_partial_refund_takes_the_rest_exactly(shop: Shop) -> None:
    reader = await shop.reader()
    purchase = await bought(shop, reader)
    await refund(shop, purchase["id"], {"amount": 333})
    seen = await dispute(shop)
    assert seen["amount"]["amount"] == 657
    await decide(shop, "lost")
    [balance] = await shop.earned()
    assert (balance["refunded"], (await platform(shop))["platform_revenue"]) == (792, 0)
    assert (await refund(shop, purchase["id"], None, 409))["code"] == "nothing_to_refund"
    await books_agree(shop)


async def test_an_inquiry_takes_nothing_freezes_the_payout_and_may_be_ended_by_a_refund(shop: Shop) -> None:
    reader = await shop.reader()
    purchase = await bought(shop, reader)
    seen = await dispute(shop, inquiry=True)
    assert (seen["status"], seen["withdrawn"]) == ("warning_needs_response", 0)
    assert await frozen(shop)
    assert await is_open(shop, reader)
    assert [balance["refunded"] for balance in await shop.earned()] == [0]
    given = await refund(shop, purchase["id"], {"amount": 100})
    assert given["status"] == "succeeded"
    closed = await decide(shop, "warning_closed")
    assert closed["closed_at"] is not None
    assert not await frozen(shop)
    await books_agree(shop)


async def test_an_inquiry_may_become_a_chargeback(shop: Shop) -> None:
    reader = await shop.reader()
    await bought(shop, reader)
    await dispute(shop, inquiry=True)
    more = await decide(shop, "needs_response")
    assert (more["status"], more["withdrawn"]) == ("needs_response", 990)
    assert not await is_open(shop, reader)
    await books_agree(shop)


@pytest.mark.parametrize(("text", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
async def test_evidence_goes_to_the_bank_once(shop: Shop, text: str, status: str) -> None:
    await tipped(shop, await shop.reader())
    seen = await dispute(shop)
    path = f"/creator/v1/disputes/{seen['id']}/evidence"
    await shop.call("POST", path, await shop.reader("stranger"), {"text": text}, 404)
    await shop.call("POST", path, shop.creator, {"text": " "}, 400)
    laid = await shop.call("POST", path, shop.creator, {"text": "wait", "submit": False}, 201)
    assert (laid["status"], laid["submitted"]) == ("sent", False)
    sent = await shop.call("POST", path, shop.creator, {"text": text}, 201, **{"idempotency-key": "e"})
    assert (sent["status"], sent["submitted"]) == ("sent", True)
    assert (
        await shop.call("POST", path, shop.creator, {"text": text}, 201, **{"idempotency-key": "e"}) == sent
    )
    await shop.settle("charge.dispute.closed")
    read = await shop.call("GET", f"/creator/v1/disputes/{seen['id']}", shop.creator)
    assert (read["dispute"]["status"], read["dispute"]["has_evidence"]) == (status, True)
    assert [one["text"] for one in read["evidence"]] == ["wait", text]
    assert (await shop.call("POST", path, shop.creator, {"text": "late"}, 409))["code"] == "dispute_closed"


async def test_events_of_a_dispute_in_any_order_post_once(shop: Shop) -> None:
    reader = await shop.reader()
    await shop.pay((await shop.checkout(reader, await shop.plan()))["checkout_url"], "4000000000000259")
    events = await shop.events("invoice.paid", "charge.dispute.created", "charge.dispute.funds_withdrawn")
    # The bank was faster than we: the sale comes last, and the dispute's turn again after it.
    disputes = [raw for raw in events if '"charge.dispute.' in raw]
    for turn in range(3):
        await shop.deliver(disputes)
        await shop.deliver(reversed(events) if turn % 2 == 0 else events)
        await asyncio.gather(shop.work(), shop.work())
        async with shop.context.database.transaction() as session:
            await session.execute(sa.text("UPDATE stripe_event SET due_at = now() WHERE status = 'stored'"))
    await shop.work()
    [row] = await shop.rows(
        "SELECT (SELECT count(*) FROM dispute), (SELECT disputed FROM sale),"
        " (SELECT count(*) FROM ledger_transaction WHERE source_type = 'dispute'),"
        " (SELECT count(*) FROM stripe_event WHERE status <> 'worked')"
    )
    assert tuple(row) == (1, 990, 1, 0)
    assert not await is_open(shop, reader)
    await books_agree(shop)


async def test_disputes_are_listed_to_their_creator_by_state(shop: Shop) -> None:
    await bought(shop, await shop.reader())
    seen = await dispute(shop)
    for status, expected in (("open", [seen["id"]]), ("closed", [])):
        listed = await shop.call("GET", f"/creator/v1/disputes?status={status}", shop.creator)
        assert [one["id"] for one in listed["data"]] == expected
    stranger = await shop.reader("stranger")
    assert (await shop.call("GET", "/creator/v1/disputes", stranger))["data"] == []
    await shop.call("GET", f"/creator/v1/disputes/{seen['id']}", stranger, expect=404)


@pytest.mark.parametrize("refunds", [False, True])
async def test_a_warning_of_fraud_is_kept_and_if_so_set_the_money_given_back(
    shop: Shop, refunds: bool
) -> None:
    settings = shop.context.settings.model_copy(update={"refund_on_fraud_warning": refunds})
    shop.context = replace(shop.context, settings=settings)
    reader = await shop.reader()
    await bought(shop, reader)
    [sale] = await shop.rows("SELECT stripe_charge_id FROM sale")
    shop.sandbox.control("fraud_warnings", {"charge": sale.stripe_charge_id})
    await shop.settle("radar.early_fraud_warning.created")
    await shop.work()
    [warning] = await shop.rows("SELECT fraud_type, refund_id FROM fraud_warning")
    assert (warning.refund_id is not None) is refunds
    [row] = await shop.rows("SELECT refunded FROM sale")
    assert row.refunded == (990 if refunds else 0)
    assert await shop.run_jobs("end_given_back") == int(refunds)
    assert await is_open(shop, reader) is not refunds
    await books_agree(shop)


async def test_an_operator_refunds_a_metered_invoice_share_by_share(shop: Shop) -> None:
    creators = await metered(shop, {"a": 301, "b": 7, "c": 100}, paid=990)
    [sale] = await shop.rows("SELECT id FROM sale")
    assert (await refund(shop, str(sale.id), None, 404))["code"] == "sale_not_found"
    for amount in (1, 333, 5, None):
        await operator_refunds(shop, sale.id, amount)
    for name, share in {"a": 301, "b": 7, "c": 100}.items():
        [row] = await shop.rows(
            "SELECT balance FROM ledger_account WHERE kind = 'creator_refunded' AND owner_id = :id",
            id=creators[name],
        )
        assert row.balance == share
    assert (await platform(shop))["platform_revenue"] == 0
    await books_agree(shop)


async def test_a_disputed_metered_invoice_is_posted_by_shares_and_freezes_nothing(shop: Shop) -> None:
    creators = await metered(shop, {"a": 301, "b": 7}, paid=990)
    [sale] = await shop.rows("SELECT id, stripe_charge_id FROM sale")
    await operator_refunds(shop, sale.id, 100)
    shop.sandbox.control("disputes", {"charge": sale.stripe_charge_id, "reason": "product_not_received"})
    await shop.settle("charge.dispute.created")
    assert not await frozen(shop)
    taken = "SELECT sum(balance) AS of_all FROM ledger_account WHERE kind = 'creator_refunded'"
    [row] = await shop.rows(taken)
    assert row.of_all == 308
    assert (await shop.call("GET", "/creator/v1/disputes", shop.creator))["data"] == []
    [open_one] = await shop.rows("SELECT stripe_dispute_id, creator_fee FROM dispute")
    shop.sandbox.control("disputes", {"dispute": open_one.stripe_dispute_id, "status": "lost"})
    await shop.settle("charge.dispute.closed")
    [closed] = await shop.rows("SELECT creator_fee FROM dispute")
    assert closed.creator_fee == 0
    assert len(creators) == 2
    await books_agree(shop)


async def metered(shop: Shop, shares: dict[str, int], *, paid: int) -> dict[str, UUID]:
    """A metered invoice that was paid, for which each creator has a share; returns the creators."""
    page = await shop.context.payments.create_checkout(
        CheckoutRequest(
            mode="payment",
            line_items=[LineItem(amount=Money(paid, "cny"), name="Usage")],
            success_url="http://127.0.0.1/",
            cancel_url="http://127.0.0.1/",
            client_reference_id="metered",
            metadata={},
        ),
        idempotency_key=str(uuid4()),
    )
    await shop.pay(page.url or "")
    await shop.events("payment_intent.succeeded")
    intent = (await shop.context.payments.retrieve_checkout(page.id)).payment_intent_id
    charge = await shop.context.payments.retrieve_payment(intent or "")
    assert charge is not None
    creators = {name: uuid4() for name in shares}
    split = split_metered(
        charge.settled.amount,
        tax=0,
        fee=charge.fee,
        billed=paid,
        accrued={creators[name]: share for name, share in shares.items()},
    )
    async with shop.context.database.transaction() as session:
        await sales.record(
            session,
            id=uuid4(),
            charge=charge,
            tax=0,
            split=split,
            take_rate_bps=0,
            sold=Sold(kind="metered", creator_id=None, organization_id=uuid4()),
        )
    return creators


async def operator_refunds(shop: Shop, sale_id: UUID, amount: int | None) -> None:
    given = await give_refund(
        shop.context,
        refund_id=uuid4(),
        actor_id=uuid4(),
        as_operator=True,
        sale_id=sale_id,
        amount=amount,
        reason="",
        once=None,
    )
    assert given.status == "succeeded"


async def test_a_dispute_lost_after_the_payout_is_taken_back_and_what_is_not_is_a_debt(shop: Shop) -> None:
    """Story 12: the creator was paid; the bank takes it all; the fee of the lost dispute stays owed."""
    await onboard(shop)
    await bought(shop, await shop.reader())
    await wait_days(shop, 8)
    await pay(shop)
    assert [(one["paid"], one["payable"]) for one in await shop.earned()] == [(598, 0)]
    fee = (await dispute(shop, reason="product_not_received"))["fee"]
    await shop.run_jobs("balance_sale")
    # The fees of the payment itself were the creator's all along: with all of it gone, they are owed.
    assert [(one["paid"], one["payable"]) for one in await shop.earned()] == [(0, -194)]
    await decide(shop, "lost")
    await shop.run_jobs("balance_sale", "end_given_back")
    assert [(one["paid"], one["payable"]) for one in await shop.earned()] == [(0, -194 - fee)]


async def test_a_dispute_won_after_the_payout_is_paid_again(shop: Shop) -> None:
    await onboard(shop)
    await bought(shop, await shop.reader())
    await wait_days(shop, 8)
    await pay(shop)
    await dispute(shop)
    await shop.run_jobs("balance_sale")
    await decide(shop, "won")
    assert [(one["paid"], one["payable"]) for one in await shop.earned()] == [(0, 598)]
    await pay(shop)
    assert [(one["paid"], one["payable"]) for one in await shop.earned()] == [(598, 0)]
