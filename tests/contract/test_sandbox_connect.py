"""Connected accounts and money on its way: transfers, payouts, refunds and disputes to their last states."""

from typing import Any

import pytest
import stripe

from tests.contract.connecting import make_account, onboard
from tests.contract.sandbox_process import Sandbox
from tests.contract.selling import pay


async def paid_account(client: stripe.StripeClient, country: str = "US") -> str:
    account = await client.v1.accounts.create_async(
        {"type": "custom", "country": country, "capabilities": {"transfers": {"requested": True}}}
    )
    await onboard(client, account.id)
    return account.id


async def held(client: stripe.StripeClient, currency: str, account: str | None = None) -> tuple[int, int]:
    """Available and pending."""
    options: Any = {"stripe_account": account} if account else {}
    balance = await client.v1.balance.retrieve_async({}, options)
    both = [{one.currency: one.amount for one in of} for of in (balance.available, balance.pending)]
    return both[0].get(currency, 0), both[1].get(currency, 0)


async def test_what_is_drawn_on_a_charge_waits_for_it(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    creator = await paid_account(client)
    before = await held(client, "cny")
    charge = (await pay(client, 10_000)).latest_charge
    fee = charge.amount - (await held(client, "cny"))[1] + before[1]
    transfer = await client.v1.transfers.create_async(
        {"amount": 8000, "currency": "cny", "destination": creator, "source_transaction": charge.id}
    )
    with pytest.raises(stripe.InvalidRequestError) as more:
        await client.v1.transfers.create_async(
            {"amount": 2001, "currency": "cny", "destination": creator, "source_transaction": charge.id}
        )
    assert more.value.code == "balance_insufficient"
    assert await held(client, "cny") == (before[0], before[1] + 2000 - fee)
    assert await held(client, "cny", creator) == (0, 8000)
    sandbox.control("advance", {"seconds": 2 * 86_400 + 1})
    assert await held(client, "cny", creator) == (8000, 0)
    moved = await client.v1.balance_transactions.list_async({"source": transfer.id})
    assert [one.net for one in moved.data] == [-8000]


async def test_what_was_paid_out_cannot_be_reversed(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    creator = await paid_account(client)
    sandbox.control("balance", {"amount": 5000, "currency": "eur"})
    transfer = await client.v1.transfers.create_async(
        {"amount": 3000, "currency": "eur", "destination": creator}
    )
    theirs: Any = {"stripe_account": creator}
    payout = await client.v1.payouts.create_async({"amount": 2500, "currency": "eur"}, theirs)
    with pytest.raises(stripe.InvalidRequestError) as gone:
        await client.v1.transfers.reversals.create_async(transfer.id, {"amount": 501})
    assert gone.value.code == "balance_insufficient"
    await client.v1.transfers.reversals.create_async(transfer.id, {"amount": 500})
    sandbox.control("payouts", {"account": creator, "payout": payout.id, "status": "failed"})
    event = sandbox.listener.wait_for("payout.failed", id=payout.id)
    assert event["account"] == creator
    assert await held(client, "eur", creator) == (2500, 0)
    reversal = await client.v1.transfers.reversals.create_async(transfer.id)
    assert (reversal.amount, (await client.v1.transfers.retrieve_async(transfer.id)).reversed) == (2500, True)
    listed = await client.v1.transfers.reversals.list_async(transfer.id)
    assert [one.amount for one in listed.data] == [2500, 500]


async def test_a_payout_arrives_and_may_still_come_back(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    sandbox.control("balance", {"amount": 900, "currency": "gbp"})
    payout = await client.v1.payouts.create_async({"amount": 900, "currency": "gbp"})
    sandbox.control("advance", {"seconds": 86_401})
    sandbox.listener.wait_for("payout.paid", id=payout.id)
    sandbox.control("payouts", {"payout": payout.id, "status": "failed"})
    after = await client.v1.payouts.retrieve_async(payout.id, {"expand": ["failure_balance_transaction"]})
    returned: Any = after.failure_balance_transaction
    assert (after.status, returned.net, returned.type) == ("failed", 900, "payout_failure")
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.payouts.cancel_async(payout.id)
    assert (await client.v1.payouts.update_async(payout.id, {"metadata": {"a": "1"}})).metadata is not None


async def test_countries_that_transfers_do_not_reach(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    sandbox.control("balance", {"amount": 1000, "currency": "sgd"})
    for country, reached in (("GB", True), ("HK", False)):
        creator = await paid_account(client, country)
        params: Any = {"amount": 100, "currency": "sgd", "destination": creator}
        if reached:
            await client.v1.transfers.create_async(params)
        else:
            with pytest.raises(stripe.InvalidRequestError, match="restricted outside"):
                await client.v1.transfers.create_async(params)


async def test_an_account_is_restricted_set_right_and_leaves(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    account = await make_account(client)
    await onboard(client, account.id)
    assert "/express/" in (await client.v1.accounts.login_links.create_async(account.id)).url
    for status, capability, due in (("restricted", "inactive", 1), ("enabled", "active", 0)):
        sandbox.control("accounts", {"id": account.id, "status": status})
        after = await client.v1.accounts.retrieve_async(account.id)
        assert after.capabilities is not None
        assert after.requirements is not None
        assert (after.capabilities.transfers, after.payouts_enabled) == (capability, not due)
        assert len(after.requirements.currently_due or []) == due
        one = await client.v1.accounts.capabilities.retrieve_async(account.id, "transfers")
        assert one.status == capability
    sandbox.control("accounts", {"id": account.id, "status": "deauthorized"})
    left = sandbox.listener.wait_for("account.application.deauthorized")
    assert left["account"] == account.id
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.accounts.retrieve_async(account.id)


async def test_refunds_wait_or_come_back(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    charge = (await pay(client, 1000)).latest_charge.id
    sandbox.control("rules", {"refunds": "pending"})
    try:
        waits = await client.v1.refunds.create_async({"charge": charge, "amount": 300})
        assert (waits.status, waits.pending_reason) == ("pending", "processing")
        sandbox.control("rules", {"refunds": "failed"})
        fails = await client.v1.refunds.create_async({"charge": charge, "amount": 200})
        assert fails.status == "succeeded"
    finally:
        sandbox.control("rules", method="DELETE")
    sandbox.control("advance", {"seconds": 61})
    assert (await client.v1.refunds.retrieve_async(waits.id)).status == "succeeded"
    sandbox.listener.wait_for("refund.failed", id=fails.id)
    after = await client.v1.charges.retrieve_async(charge)
    assert (after.amount_refunded, after.refunded) == (300, False)
    moves = await client.v1.balance_transactions.list_async({"source": fails.id})
    assert [(one.type, one.net) for one in moves.data] == [("refund_failure", 200), ("refund", -200)]
    rest = await client.v1.refunds.create_async({"charge": charge})
    assert rest.amount == 700
    sandbox.control("refunds", {"refund": rest.id, "status": "failed"})
    assert (await client.v1.refunds.retrieve_async(rest.id)).failure_reason is not None


async def test_an_inquiry_takes_nothing_unless_it_becomes_a_chargeback(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    closed = (await pay(client, 1000, "pm_card_createDisputeInquiry")).latest_charge.id
    [inquiry] = (await client.v1.disputes.list_async({"charge": closed})).data
    assert (inquiry.status, inquiry.balance_transactions, inquiry.is_charge_refundable) == (
        "warning_needs_response",
        [],
        True,
    )
    answered = await client.v1.disputes.update_async(inquiry.id, {"evidence": {"product_description": "x"}})
    assert answered.status == "warning_under_review"
    assert (await client.v1.disputes.close_async(inquiry.id)).status == "warning_closed"
    charge = (await pay(client, 1000)).latest_charge.id
    opened = sandbox.control("disputes", {"charge": charge, "inquiry": True, "reason": "duplicate"})
    sandbox.control("disputes", {"dispute": opened["id"], "status": "needs_response"})
    dispute = await client.v1.disputes.retrieve_async(opened["id"])
    assert (dispute.status, dispute.reason, [one.amount for one in dispute.balance_transactions]) == (
        "needs_response",
        "duplicate",
        [-1000],
    )
    sandbox.control("disputes", {"dispute": dispute.id, "status": "lost"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.refunds.create_async({"charge": charge})
    assert refused.value.code == "charge_disputed"
    sandbox.listener.wait_for("charge.dispute.closed", id=dispute.id)


DISPUTES = {
    "needs_response": {"won", "lost"},
    "under_review": {"won", "lost"},
    "won": set(),
    "lost": set(),
    "warning_needs_response": {"warning_closed", "needs_response"},
    "warning_under_review": {"warning_closed", "needs_response"},
    "warning_closed": set(),
}


@pytest.mark.parametrize("status", DISPUTES)
async def test_states_a_dispute_can_and_cannot_leave(
    client: stripe.StripeClient, sandbox: Sandbox, status: str
) -> None:
    async def brought() -> str:
        charge = (await pay(client, 1000)).latest_charge.id
        asked = status.startswith("warning")
        made = sandbox.control("disputes", {"charge": charge, "inquiry": asked})
        if status.endswith("under_review"):
            await client.v1.disputes.update_async(made["id"], {"evidence": {"product_description": "x"}})
        elif made["status"] != status:
            sandbox.control("disputes", {"dispute": made["id"], "status": status})
        assert (await client.v1.disputes.retrieve_async(made["id"])).status == status
        return str(made["id"])

    for target in ("won", "lost", "warning_closed", "needs_response"):
        id = await brought()
        if target in DISPUTES[status]:
            assert sandbox.control("disputes", {"dispute": id, "status": target})["status"] == target
        else:
            with pytest.raises(Exception, match="400"):
                sandbox.control("disputes", {"dispute": id, "status": target})


async def test_the_platform_tops_up_its_balance(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    before = await held(client, "nok")
    topup = await client.v1.topups.create_async({"amount": 700, "currency": "nok"})
    assert (topup.status, (await held(client, "nok"))[0] - before[0]) == ("succeeded", 700)
    assert (await client.v1.topups.retrieve_async(topup.id)).id == topup.id
    assert topup.id in [one.id for one in (await client.v1.topups.list_async()).data]
    sandbox.listener.wait_for("topup.succeeded", id=topup.id)


async def test_an_issuer_warns_of_fraud(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    charge = (await pay(client, 1000)).latest_charge.id
    warning = sandbox.control("fraud_warnings", {"charge": charge})
    listed = await client.v1.radar.early_fraud_warnings.list_async({"charge": charge})
    assert [one.id for one in listed.data] == [warning["id"]]
    sandbox.listener.wait_for("radar.early_fraud_warning.created", id=warning["id"])


async def test_a_card_is_looked_at_and_kept_without_a_charge(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async({})
    intent = await client.v1.setup_intents.create_async({"customer": customer.id})
    with pytest.raises(stripe.CardError) as declined:
        await client.v1.setup_intents.confirm_async(intent.id, {"payment_method": "pm_card_chargeDeclined"})
    assert declined.value.code == "card_declined"
    asked = await client.v1.setup_intents.confirm_async(
        intent.id, {"payment_method": "pm_card_authenticationRequired"}
    )
    assert asked.status == "requires_action"
    done = await client.v1.setup_intents.confirm_async(intent.id)
    assert done.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.setup_intents.cancel_async(intent.id)
    kept = await client.v1.payment_methods.list_async({"customer": customer.id, "type": "card"})
    assert [one.id for one in kept.data] == [done.payment_method]
    await client.v1.setup_intents.update_async(intent.id, {"description": "x"})
    assert intent.id in [one.id for one in (await client.v1.setup_intents.list_async()).data]
    other = await client.v1.setup_intents.create_async()
    assert (await client.v1.setup_intents.cancel_async(other.id)).status == "canceled"
    assert (await client.v1.setup_intents.retrieve_async(other.id)).status == "canceled"
