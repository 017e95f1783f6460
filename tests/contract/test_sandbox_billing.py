"""Subscriptions over time, by test clocks: renewals, failures, changes, metered use."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import stripe

from tests.contract.billing import (
    DAY,
    START,
    advance,
    make_meter,
    make_metered_price,
    moment,
    on_a_clock,
    report,
    subscribe,
)
from tests.contract.sandbox_process import Sandbox
from tests.contract.selling import make_price, open_session, post


async def test_a_subscription_renews_every_month(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    price = await make_price(client)
    subscription = await subscribe(client, customer, price.id)
    assert subscription.status == "active"
    await advance(client, clock, moment(2026, 3, 20))
    invoices = (await client.v1.invoices.list_async({"subscription": subscription.id})).data
    assert [one.billing_reason for one in invoices] == [
        "subscription_cycle",
        "subscription_cycle",
        "subscription_create",
    ]
    assert {one.status for one in invoices} == {"paid"}
    after = await client.v1.subscriptions.retrieve_async(subscription.id)
    item = after["items"].data[0]
    assert (item.current_period_start, item.current_period_end) == (
        moment(2026, 3, 15),
        moment(2026, 4, 15),
    )


async def test_a_renewal_that_fails_is_tried_again_and_then_ends_it(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    clock, customer = await on_a_clock(client, "pm_card_chargeCustomerFail")
    price = await make_price(client)
    subscription = await subscribe(client, customer, price.id)
    assert subscription.status == "active"
    await advance(client, clock, moment(2026, 2, 15, 2))
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).status == "past_due"
    [invoice, _first] = (await client.v1.invoices.list_async({"subscription": subscription.id})).data
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    sandbox.listener.wait_for("invoice.payment_failed", id=invoice.id)
    method = await client.v1.payment_methods.attach_async("pm_card_visa", {"customer": customer})
    paid = await client.v1.invoices.pay_async(invoice.id, {"payment_method": method.id})
    assert paid.status == "paid"
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).status == "active"
    await advance(client, clock, moment(2026, 4, 14))
    ended = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"
    sandbox.listener.wait_for("customer.subscription.deleted", id=subscription.id)


async def test_it_ends_with_its_period_when_asked_to(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    price = await make_price(client)
    subscription = await subscribe(client, customer, price.id)
    ending = await client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    assert ending.cancel_at == moment(2026, 2, 15)
    kept = await client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    await client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    await advance(client, clock, moment(2026, 2, 14))
    assert (await client.v1.subscriptions.retrieve_async(subscription.id)).status == "active"
    await advance(client, clock, moment(2026, 2, 16))
    ended = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", moment(2026, 2, 15))
    assert len((await client.v1.invoices.list_async({"subscription": subscription.id})).data) == 1


async def test_a_trial_is_followed_by_the_first_charge(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    price = await make_price(client)
    subscription = await subscribe(client, customer, price.id, trial_period_days=7)
    assert subscription.status == "trialing"
    await advance(client, clock, START + 8 * DAY)
    after = await client.v1.subscriptions.retrieve_async(subscription.id, {"expand": ["latest_invoice"]})
    invoice: Any = after.latest_invoice
    assert (after.status, invoice.amount_paid) == ("active", 990)


async def test_a_dearer_price_is_billed_at_once_for_what_is_left(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    low, high = await make_price(client, 3100), await make_price(client, 6200)
    subscription = await subscribe(client, customer, low.id)
    await advance(client, clock, START + 15 * DAY + DAY // 2)
    item = subscription["items"].data[0].id
    change: Any = {"items": [{"id": item, "price": high.id}], "proration_behavior": "always_invoice"}
    preview = await client.v1.invoices.create_preview_async(
        {"subscription": subscription.id, "subscription_details": change}
    )
    assert sorted(line.amount for line in preview.lines.data) == [-1550, 3100]
    more: Any = {"payment_behavior": "pending_if_incomplete", "expand": ["latest_invoice"]}
    changed = await client.v1.subscriptions.update_async(subscription.id, change | more)
    invoice: Any = changed.latest_invoice
    assert (invoice.status, invoice.total, changed.pending_update) == ("paid", 1550, None)
    assert changed["items"].data[0].price.id == high.id


async def test_a_change_that_is_not_paid_waits_and_then_expires(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    clock, customer = await on_a_clock(client, "pm_card_chargeCustomerFail")
    low, high = await make_price(client, 3100), await make_price(client, 6200)
    subscription = await subscribe(client, customer, low.id)
    item = subscription["items"].data[0].id
    changed = await client.v1.subscriptions.update_async(
        subscription.id,
        {
            "items": [{"id": item, "price": high.id}],
            "proration_behavior": "always_invoice",
            "payment_behavior": "pending_if_incomplete",
        },
    )
    assert changed.pending_update is not None
    assert changed["items"].data[0].price.id == low.id
    await advance(client, clock, START + 2 * DAY)
    after = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert (after.pending_update, after["items"].data[0].price.id) == (None, low.id)
    sandbox.listener.wait_for("customer.subscription.pending_update_expired", id=subscription.id)


async def test_metered_use_is_previewed_and_billed_by_its_tiers(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    meter = await make_meter(client, "hour")
    price = await make_metered_price(client, meter.id)
    subscription = await subscribe(client, customer, price.id, billing_cycle_anchor=moment(2026, 2, 1))
    assert subscription["items"].data[0].current_period_end == moment(2026, 2, 1)
    hour = START - START % 3600
    await advance(client, clock, START + 3 * 3600)
    for value, at in ((20, hour + 1), (30, hour + 2), (5, hour + 3601)):
        await report(client, meter, customer, value, at, str(uuid4()))
    preview = await client.v1.invoices.create_preview_async({"subscription": subscription.id})
    # The second total of the first hour overwrote the first: 35 used, 10 of them free.
    assert [line.quantity for line in preview.lines.data] == [10, 25]
    assert preview.total == 313
    assert preview.lines.data[1].pricing is not None
    assert preview.lines.data[1].pricing.unit_amount_decimal == Decimal("12.5")
    summaries = await client.v1.billing.meters.event_summaries.list_async(
        meter.id,
        {
            "customer": customer,
            "start_time": hour,
            "end_time": hour + 2 * 3600,
            "value_grouping_window": "hour",
        },
    )
    assert [one.aggregated_value for one in summaries.data] == [5, 30]
    await advance(client, clock, moment(2026, 2, 1, 2))
    [invoice, _first] = (await client.v1.invoices.list_async({"subscription": subscription.id})).data
    # Less than about 50 US cents is not charged: it goes on the balance, to the next invoice.
    assert (invoice.status, invoice.total, invoice.amount_due) == ("paid", 313, 0)
    assert (await client.v1.customers.retrieve_async(customer)).balance == 313


async def test_usage_is_refused_when_doubled_old_or_from_the_future(client: stripe.StripeClient) -> None:
    _clock, customer = await on_a_clock(client)
    meter = await make_meter(client)
    await report(client, meter, customer, 1, START, same := str(uuid4()))
    for identifier, at, words in (
        (same, START, "An event already exists with identifier"),
        (str(uuid4()), START - 36 * DAY, "35 days"),
        (str(uuid4()), START + 600, "five minutes"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=words) as refused:
            await report(client, meter, customer, 1, at, identifier)
        assert refused.value.http_status == 400


async def test_late_usage_still_enters_the_draft(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    meter = await make_meter(client)
    price = await make_metered_price(client, meter.id)
    subscription = await subscribe(client, customer, price.id, billing_cycle_anchor=moment(2026, 2, 1))
    await advance(client, clock, moment(2026, 2, 1))
    [draft, _first] = (await client.v1.invoices.list_async({"subscription": subscription.id})).data
    assert (draft.status, draft.total) == ("draft", 0)
    await report(client, meter, customer, 110, moment(2026, 1, 31, 23), str(uuid4()))
    await advance(client, clock, moment(2026, 2, 1, 1))
    invoice = await client.v1.invoices.retrieve_async(draft.id, {"expand": ["payments"]})
    assert (invoice.status, invoice.amount_paid) == ("paid", 1250)


async def test_an_immediate_cancel_bills_the_last_usage(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    meter = await make_meter(client)
    price = await make_metered_price(client, meter.id)
    subscription = await subscribe(client, customer, price.id)
    await advance(client, clock, START + DAY)
    await report(client, meter, customer, 110, START + 60, str(uuid4()))
    ended = await client.v1.subscriptions.cancel_async(
        subscription.id, {"invoice_now": True, "expand": ["latest_invoice"]}
    )
    invoice: Any = ended.latest_invoice
    assert (ended.status, invoice.status, invoice.amount_paid) == ("canceled", "paid", 1250)


async def test_a_metered_contract_is_taken_through_checkout(client: stripe.StripeClient) -> None:
    meter = await make_meter(client, "hour")
    price = await make_metered_price(client, meter.id)
    customer = await client.v1.customers.create_async({"email": "org@example.com"})
    anchor = moment(2027, 12, 1)
    session = await open_session(
        client,
        mode="subscription",
        customer=customer.id,
        line_items=[{"price": price.id}],
        subscription_data={"billing_cycle_anchor": anchor, "metadata": {"kind": "contract"}},
    )
    assert (await post(session.url, card="4242424242424242")).status_code == 303
    found = await client.v1.subscriptions.list_async({"customer": customer.id})
    assert [one.status for one in found.data] == ["active"]
    assert found.data[0].metadata["kind"] == "contract"
