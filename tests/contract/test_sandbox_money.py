"""Payments, refunds, transfers, accounts, and the balance they add up to."""

from typing import Any

import pytest
import stripe

from tests.contract.connecting import make_account, onboard
from tests.contract.sandbox_process import Sandbox
from tests.contract.selling import pay, post


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ],
)
async def test_a_declined_card_is_a_card_error_and_leaves_its_trace(
    client: stripe.StripeClient, sandbox: Sandbox, method: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as declined:
        await pay(client, method=method)
    assert declined.value.http_status == 402
    assert declined.value.code == code
    assert declined.value.error is not None
    intent = declined.value.error.payment_intent
    assert intent is not None
    assert (declined.value.error.decline_code, intent.status) == (decline_code, "requires_payment_method")
    kept = await client.v1.payment_intents.retrieve_async(intent.id)
    assert kept.last_payment_error is not None
    sandbox.listener.wait_for("payment_intent.payment_failed", id=intent.id)
    paid = await client.v1.payment_intents.confirm_async(intent.id, {"payment_method": "pm_card_visa"})
    assert paid.status == "succeeded"


async def test_authentication_is_asked_and_given(client: stripe.StripeClient) -> None:
    intent = await pay(client, method="pm_card_authenticationRequired")
    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    assert (await client.v1.payment_intents.confirm_async(intent.id)).status == "succeeded"


async def test_refunds_give_back_no_more_than_was_paid(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    intent = await pay(client, 1000)
    charge = intent.latest_charge.id
    first = await client.v1.refunds.create_async(
        {"charge": charge, "amount": 400, "metadata": {"why": "1"}, "expand": ["balance_transaction"]}
    )
    moved: Any = first.balance_transaction
    assert (moved.amount, moved.fee, moved.net) == (-400, 0, -400)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        await client.v1.refunds.create_async({"charge": charge, "amount": 601})
    await client.v1.refunds.create_async({"payment_intent": intent.id})
    after = await client.v1.charges.retrieve_async(charge, {"expand": ["refunds"]})
    assert (after.amount_refunded, after.refunded) == (1000, True)
    assert after.refunds is not None
    assert [one.amount for one in after.refunds.data] == [600, 400]
    with pytest.raises(stripe.InvalidRequestError) as again:
        await client.v1.refunds.create_async({"charge": charge})
    assert again.value.code == "charge_already_refunded"
    sandbox.listener.wait_for("charge.refunded", id=charge)
    sandbox.listener.wait_for("refund.created", id=first.id)


async def test_an_account_is_onboarded_and_then_paid(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    account = await make_account(client)
    assert (account.details_submitted, account.capabilities and account.capabilities.transfers) == (
        False,
        "inactive",
    )
    intent = await pay(client, 1000)
    transfer: Any = {
        "amount": 600,
        "currency": "cny",
        "destination": account.id,
        "source_transaction": intent.latest_charge.id,
    }
    with pytest.raises(stripe.InvalidRequestError) as early:
        await client.v1.transfers.create_async(transfer)
    assert early.value.code == "insufficient_capabilities_for_transfer"
    done = await onboard(client, account.id)
    assert (done.status_code, done.headers["location"]) == (303, "http://127.0.0.1/back")
    account = await client.v1.accounts.retrieve_async(account.id)
    assert account.capabilities is not None
    assert account.requirements is not None
    assert (account.payouts_enabled, account.capabilities.transfers, account.requirements.currently_due) == (
        True,
        "active",
        [],
    )
    event = sandbox.listener.wait_for("account.updated", id=account.id)
    assert event["account"] == account.id
    sandbox.listener.wait_for("capability.updated", id="transfers")
    paid = await client.v1.transfers.create_async(transfer)
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.transfers.create_async(transfer)
    reversal = await client.v1.transfers.reversals.create_async(paid.id, {"amount": 200})
    assert reversal.amount == 200
    with pytest.raises(stripe.InvalidRequestError, match="greater than unreversed"):
        await client.v1.transfers.reversals.create_async(paid.id, {"amount": 401})
    after = await client.v1.transfers.retrieve_async(paid.id)
    assert (after.amount_reversed, after.reversed, len(after.reversals.data)) == (200, False, 1)
    sandbox.listener.wait_for("transfer.reversed", id=paid.id)


async def test_the_balance_is_the_sum_of_its_transactions(client: stripe.StripeClient) -> None:
    account = await make_account(client)
    await onboard(client, account.id)
    params: Any = {"amount": 900, "currency": "hkd", "destination": account.id}
    with pytest.raises(stripe.InvalidRequestError) as poor:
        await client.v1.transfers.create_async(params)
    assert poor.value.code == "balance_insufficient"
    paid: Any = {
        "amount": 5000,
        "currency": "hkd",
        "confirm": True,
        "payment_method": "pm_card_bypassPending",
    }
    await client.v1.payment_intents.create_async(paid)
    await client.v1.payment_intents.create_async(paid | {"payment_method": "pm_card_visa"})
    await client.v1.transfers.create_async(params)
    balance = await client.v1.balance.retrieve_async()
    available = {one.currency: one.amount for one in balance.available}["hkd"]
    pending = {one.currency: one.amount for one in balance.pending}["hkd"]
    moves = await client.v1.balance_transactions.list_async({"currency": "hkd", "limit": 100})
    assert available + pending == sum(one.net for one in moves.data)
    assert available == sum(one.net for one in moves.data if one.status == "available")


async def test_a_portal_page_ends_a_subscription(client: stripe.StripeClient) -> None:
    product = await client.v1.products.create_async({"name": "x"})
    price = await client.v1.prices.create_async(
        {"product": product.id, "currency": "cny", "unit_amount": 990, "recurring": {"interval": "year"}}
    )
    customer = await client.v1.customers.create_async({"payment_method": "pm_card_visa"})
    methods = await client.v1.customers.payment_methods.list_async(customer.id)
    subscription = await client.v1.subscriptions.create_async(
        {
            "customer": customer.id,
            "items": [{"price": price.id}],
            "default_payment_method": methods.data[0].id,
        }
    )
    session = await client.v1.billing_portal.sessions.create_async(
        {"customer": customer.id, "return_url": "http://127.0.0.1/back"}
    )
    assert (await post(session.url, subscription=subscription.id, end="1")).status_code == 303
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).cancel_at_period_end


async def test_a_dispute_takes_the_money_until_it_is_won(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    charge = (await pay(client, 1000)).latest_charge.id
    opened = sandbox.control("disputes", {"charge": charge})
    dispute = await client.v1.disputes.retrieve_async(opened["id"])
    [taken] = dispute.balance_transactions
    assert (dispute.status, taken.amount, taken.fee) == ("needs_response", -1000, 10_650)
    sandbox.listener.wait_for("charge.dispute.created", id=dispute.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.refunds.create_async({"charge": charge})
    assert refused.value.code == "charge_disputed"
    won = await client.v1.disputes.update_async(
        dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}}
    )
    assert (won.status, [one.amount for one in won.balance_transactions]) == ("won", [-1000, 1000])
    sandbox.listener.wait_for("charge.dispute.funds_reinstated", id=dispute.id)


async def test_a_disputed_card_is_disputed_and_can_be_lost(client: stripe.StripeClient) -> None:
    intent = await pay(client, 1000, "pm_card_createDispute")
    [dispute] = (await client.v1.disputes.list_async({"payment_intent": intent.id})).data
    assert (await client.v1.disputes.close_async(dispute.id)).status == "lost"


async def test_a_payout_takes_what_is_available(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    sandbox.control("balance", {"amount": 700, "currency": "dkk"})
    with pytest.raises(stripe.InvalidRequestError) as poor:
        await client.v1.payouts.create_async({"amount": 701, "currency": "dkk"})
    assert poor.value.code == "balance_insufficient"
    payout = await client.v1.payouts.create_async({"amount": 700, "currency": "dkk"})
    assert payout.status == "pending"
    assert (await client.v1.payouts.cancel_async(payout.id)).status == "canceled"
    assert payout.id in [one.id for one in (await client.v1.payouts.list_async({})).data]
