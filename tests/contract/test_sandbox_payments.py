"""What declined, delayed and unpaid money leaves behind, and the pages where a person pays it."""

from typing import Any

import httpx
import pytest
import stripe

from tests.contract.billing import DAY, START, advance, moment, on_a_clock, subscribe
from tests.contract.sandbox_process import Sandbox
from tests.contract.selling import ASKS, DECLINED, FAILS_LATER, PAYS, make_price, open_session, post

SETTLES, BOUNCES = "AT611904300234573201", "AT861904300235473202"


async def selling(client: stripe.StripeClient, mode: str, **more: Any) -> stripe.checkout.Session:
    price = await make_price(client, 1000, monthly=mode == "subscription")
    return await open_session(client, mode=mode, line_items=[{"price": price.id, "quantity": 1}], **more)


async def again(client: stripe.StripeClient, session: stripe.checkout.Session, *expand: str) -> Any:
    return await client.v1.checkout.sessions.retrieve_async(session.id, {"expand": list(expand)})


async def newest(client: stripe.StripeClient, type: str) -> Any:
    """What the newest event of a type is about."""
    [event] = (await client.v1.events.list_async({"type": type, "limit": 1})).data
    return event.data.object


async def test_a_declined_tip_leaves_a_failed_charge_and_the_page_open(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    session = await selling(client, "payment")
    assert (await post(session.url, card=DECLINED)).status_code == 402
    failed = await newest(client, "payment_intent.payment_failed")
    charge = sandbox.listener.wait_for("charge.failed", id=failed["latest_charge"])["data"]["object"]
    assert (charge["status"], charge["paid"], charge["failure_code"]) == ("failed", False, "card_declined")
    assert (await again(client, session)).status == "open"
    assert (await post(session.url, card=PAYS)).status_code == 303
    paid = await again(client, session, "payment_intent")
    assert (paid.payment_intent.id, paid.payment_intent.amount_received) == (failed["id"], 1000)
    charges = await client.v1.charges.list_async({"payment_intent": failed["id"]})
    assert [one.status for one in charges.data] == ["succeeded", "failed"]


async def test_a_declined_subscription_leaves_its_first_invoice_unpaid(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    session = await selling(client, "subscription")
    assert (await post(session.url, card=DECLINED)).status_code == 402
    failed = await newest(client, "invoice.payment_failed")
    made = failed["parent"]["subscription_details"]["subscription"]
    assert (await client.v1.subscriptions.retrieve_async(made)).status == "incomplete"
    assert (await again(client, session)).subscription is None
    assert (await post(session.url, card=PAYS)).status_code == 303
    session = await again(client, session, "subscription")
    subscription: Any = session.subscription
    assert (subscription.id, subscription.status) == (made, "active")
    assert (await client.v1.invoices.retrieve_async(failed["id"])).status == "paid"
    sandbox.listener.wait_for("customer.subscription.updated", id=made)


async def test_an_authentication_that_fails_is_a_failed_payment(client: stripe.StripeClient) -> None:
    session = await selling(client, "payment")
    assert (await post(session.url, card=ASKS, authenticate="fail")).status_code == 402
    failed = await newest(client, "payment_intent.payment_failed")
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"


@pytest.mark.parametrize(
    ("account", "event", "status"),
    [(SETTLES, "succeeded", "paid"), (BOUNCES, "failed", "unpaid")],
)
async def test_a_bank_debit_is_decided_later(
    client: stripe.StripeClient, sandbox: Sandbox, account: str, event: str, status: str
) -> None:
    session = await selling(client, "payment")
    assert (await post(session.url, card=account)).status_code == 303
    completed = sandbox.listener.wait_for("checkout.session.completed", id=session.id)["data"]["object"]
    assert (completed["status"], completed["payment_status"]) == ("complete", "unpaid")
    intent = await client.v1.payment_intents.retrieve_async(completed["payment_intent"])
    assert intent.status == "processing"
    sandbox.control("advance", {"seconds": 120})
    told = sandbox.listener.wait_for(f"checkout.session.async_payment_{event}", id=session.id)
    assert told["data"]["object"]["payment_status"] == status
    assert (await again(client, session)).payment_status == status


async def test_a_subscription_paid_by_debit_runs_until_the_bank_refuses(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    session = await selling(client, "subscription")
    await post(session.url, card=BOUNCES)
    session = await again(client, session, "subscription")
    subscription: Any = session.subscription
    assert (session.payment_status, subscription.status) == ("unpaid", "active")
    sandbox.control("advance", {"seconds": 120})
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).status == "past_due"
    sandbox.listener.wait_for("checkout.session.async_payment_failed", id=session.id)
    sandbox.listener.wait_for("invoice.payment_failed", id=str(session.invoice))


async def test_a_person_pays_an_open_invoice(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client, "pm_card_chargeCustomerFail")
    subscription = await subscribe(client, customer, (await make_price(client)).id)
    await advance(client, clock, moment(2026, 2, 15, 2))
    after = await client.v1.subscriptions.retrieve_async(subscription.id, {"expand": ["latest_invoice"]})
    invoice: Any = after.latest_invoice
    assert (after.status, invoice.attempt_count) == ("past_due", 1)
    url = invoice.hosted_invoice_url
    async with httpx.AsyncClient(headers={"Accept-Language": "en"}) as http:
        assert "Pay CNY 9.90" in (await http.get(url)).text
    assert (await post(url, card=DECLINED)).status_code == 402
    tried = await client.v1.invoices.retrieve_async(invoice.id)
    assert (tried.attempt_count, tried.next_payment_attempt) == (1, invoice.next_payment_attempt)
    assert (await post(url, card=ASKS)).status_code == 200
    assert (await post(url, card=ASKS, authenticate="complete")).status_code == 303
    paid = await client.v1.subscriptions.retrieve_async(subscription.id, {"expand": ["latest_invoice"]})
    invoice = paid.latest_invoice
    assert (paid.status, invoice.status) == ("active", "paid")
    assert paid.default_payment_method is not None


@pytest.mark.parametrize("outcome", ["cancel", "unpaid", "past_due"])
async def test_a_renewal_is_tried_on_the_planned_days_and_then_given_up(
    client: stripe.StripeClient, sandbox: Sandbox, outcome: str
) -> None:
    clock, customer = await on_a_clock(client, "pm_card_chargeCustomerFail")
    subscription = await subscribe(client, customer, (await make_price(client)).id)
    sandbox.control("rules", {"retry_days": [1, 2], "dunning_outcome": outcome})
    try:
        await advance(client, clock, moment(2026, 2, 16, 0))
        [invoice, _first] = (await client.v1.invoices.list_async({"subscription": subscription.id})).data
        assert (invoice.attempt_count, invoice.next_payment_attempt) == (1, moment(2026, 2, 16, 1))
        await advance(client, clock, moment(2026, 2, 19))
        invoice = await client.v1.invoices.retrieve_async(invoice.id)
        assert (invoice.attempt_count, invoice.next_payment_attempt, invoice.status) == (3, None, "open")
    finally:
        sandbox.control("rules", method="DELETE")
    ended = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert ended.status == {"cancel": "canceled"}.get(outcome, outcome)


async def test_a_renewal_that_wants_its_owner_says_so(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    clock, customer = await on_a_clock(client)
    subscription = await subscribe(client, customer, (await make_price(client)).id)
    method = await client.v1.payment_methods.attach_async(
        "pm_card_authenticationRequired", {"customer": customer}
    )
    await client.v1.subscriptions.update_async(subscription.id, {"default_payment_method": method.id})
    await advance(client, clock, moment(2026, 2, 15, 2))
    [invoice, _first] = (await client.v1.invoices.list_async({"subscription": subscription.id})).data
    sandbox.listener.wait_for("invoice.payment_action_required", id=invoice.id)


async def test_confirming_an_invoice_s_payment_pays_the_invoice(client: stripe.StripeClient) -> None:
    _clock, customer = await on_a_clock(client)
    price = await make_price(client)
    subscription = await subscribe(client, customer, price.id, payment_behavior="default_incomplete")
    assert subscription.status == "incomplete"
    payments = await client.v1.invoice_payments.list_async({"invoice": subscription.latest_invoice})
    intent = payments.data[0].payment.payment_intent
    await client.v1.payment_intents.confirm_async(str(intent), {"payment_method": "pm_card_visa"})
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).status == "active"


async def test_the_portal_shows_plans_and_takes_another_card(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client, "pm_card_chargeCustomerFail")
    subscription = await subscribe(client, customer, (await make_price(client)).id)
    portal = await client.v1.billing_portal.sessions.create_async(
        {"customer": customer, "return_url": "http://127.0.0.1/back"}
    )
    async with httpx.AsyncClient(headers={"Accept-Language": "en"}) as http:
        page = (await http.get(portal.url)).text
    assert all(word in page for word in ("Sandbox", "知識庫", "0341", "2026-02-15", "http://127.0.0.1/back"))
    assert (await post(portal.url, card=DECLINED)).status_code == 402
    assert (await post(portal.url, card=PAYS)).status_code == 303
    for end in (True, False):
        assert (await post(portal.url, subscription=subscription.id, end=str(int(end)))).status_code == 303
        after = await client.v1.subscriptions.retrieve_async(subscription.id)
        assert after.cancel_at_period_end is end
    assert (await post(portal.url, subscription="sub_other", end="1")).status_code == 402
    await advance(client, clock, moment(2026, 2, 15, 2))
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).status == "active"


async def test_a_card_that_fails_later_is_past_due_at_the_renewal(client: stripe.StripeClient) -> None:
    clock = await client.v1.test_helpers.test_clocks.create_async({"frozen_time": START})
    customer = await client.v1.customers.create_async({"test_clock": clock.id})
    session = await selling(client, "subscription", customer=customer.id)
    assert (await post(session.url, card=FAILS_LATER)).status_code == 303
    [subscription] = (await client.v1.subscriptions.list_async({"customer": customer.id})).data
    await advance(client, clock.id, subscription["items"].data[0].current_period_end + DAY)
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).status == "past_due"
