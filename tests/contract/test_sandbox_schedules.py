"""Subscription schedules: a change that waits for the end of a period, and what ends a schedule."""

from typing import Any

import pytest
import stripe

from tests.contract.billing import DAY, START, advance, moment, on_a_clock, subscribe
from tests.contract.sandbox_process import Sandbox
from tests.contract.selling import make_price


async def scheduled(client: stripe.StripeClient, subscription: str) -> Any:
    return await client.v1.subscription_schedules.create_async({"from_subscription": subscription})


async def then(client: stripe.StripeClient, schedule: Any, *prices: str, **more: Any) -> Any:
    """This phase as it is, and after it one for each price."""
    now = schedule.phases[0]
    phases: Any = [
        {
            "start_date": now.start_date,
            "end_date": now.end_date,
            "items": [{"price": item.price, "quantity": item.quantity} for item in now["items"]],
        },
        *(
            {
                "items": [{"price": price, "quantity": 1}],
                "proration_behavior": "none",
                "duration": {"interval": "month"},
                "metadata": {"phase": str(number)},
            }
            for number, price in enumerate(prices)
        ),
    ]
    params: Any = {"phases": phases, **more}
    return await client.v1.subscription_schedules.update_async(schedule.id, params)


async def test_a_downgrade_waits_for_the_period_s_end(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    clock, customer = await on_a_clock(client)
    high, low = await make_price(client, 6200), await make_price(client, 3100)
    subscription = await subscribe(client, customer, high.id, metadata={"kept": "1"})
    schedule = await scheduled(client, subscription.id)
    assert (schedule.status, schedule.subscription) == ("active", subscription.id)
    assert schedule.current_phase is not None
    assert schedule.current_phase.end_date == moment(2026, 2, 15)
    schedule = await then(client, schedule, low.id, metadata={"change": "7"})
    assert [phase.end_date for phase in schedule.phases] == [moment(2026, 2, 15), moment(2026, 3, 15)]
    before = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert (before["items"].data[0].price.id, before.schedule) == (high.id, schedule.id)
    await advance(client, clock, moment(2026, 2, 15, 2))
    after = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert after["items"].data[0].price.id == low.id
    assert after.metadata.to_dict() == {"kept": "1", "phase": "0"}
    [invoice, _first] = (await client.v1.invoices.list_async({"subscription": subscription.id})).data
    assert (invoice.billing_reason, invoice.amount_paid, len(invoice.lines.data)) == (
        "subscription_cycle",
        3100,
        1,
    )
    await advance(client, clock, moment(2026, 3, 16))
    released = await client.v1.subscription_schedules.retrieve_async(schedule.id)
    assert (released.status, released.released_subscription) == ("released", subscription.id)
    after = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert (after.schedule, after.status, after["items"].data[0].price.id) == (None, "active", low.id)
    for type in ("created", "updated", "released"):
        sandbox.listener.wait_for(f"subscription_schedule.{type}", id=schedule.id)


async def test_another_interval_starts_with_its_phase(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    monthly = await make_price(client, 3100)
    yearly = await make_price(client, 30_000, monthly=False, recurring={"interval": "year"})
    subscription = await subscribe(client, customer, monthly.id)
    await then(client, await scheduled(client, subscription.id), yearly.id)
    await advance(client, clock, moment(2026, 2, 15, 2))
    after = await client.v1.subscriptions.retrieve_async(subscription.id, {"expand": ["latest_invoice"]})
    item, invoice = after["items"].data[0], after.latest_invoice
    assert (item.current_period_start, item.current_period_end) == (moment(2026, 2, 15), moment(2027, 2, 15))
    assert isinstance(invoice, stripe.Invoice)
    assert (invoice.status, invoice.total) == ("paid", 30_000)


async def test_a_schedule_is_released_before_it_does_anything(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    high, low = await make_price(client, 6200), await make_price(client, 3100)
    subscription = await subscribe(client, customer, high.id)
    schedule = await then(client, await scheduled(client, subscription.id), low.id)
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        await client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        await scheduled(client, subscription.id)
    assert (await client.v1.subscription_schedules.release_async(schedule.id)).status == "released"
    with pytest.raises(stripe.InvalidRequestError, match="`released` status"):
        await client.v1.subscription_schedules.release_async(schedule.id)
    await advance(client, clock, moment(2026, 2, 15, 2))
    after = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert after["items"].data[0].price.id == high.id
    assert [
        one.id for one in (await client.v1.subscription_schedules.list_async({"customer": customer})).data
    ] == [schedule.id]


async def test_a_schedule_ends_with_its_subscription_and_the_other_way_round(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    clock, customer = await on_a_clock(client)
    price = await make_price(client, 3100)
    first = await subscribe(client, customer, price.id)
    schedule = await scheduled(client, first.id)
    await client.v1.subscriptions.cancel_async(first.id)
    assert (await client.v1.subscription_schedules.retrieve_async(schedule.id)).status == "canceled"
    second = await subscribe(client, customer, price.id)
    schedule = await scheduled(client, second.id)
    assert (await client.v1.subscription_schedules.cancel_async(schedule.id)).status == "canceled"
    assert (await client.v1.subscriptions.retrieve_async(second.id)).status == "canceled"
    third = await subscribe(client, customer, price.id)
    schedule = await scheduled(client, third.id)
    await client.v1.subscription_schedules.update_async(schedule.id, {"end_behavior": "cancel"})
    await advance(client, clock, moment(2026, 2, 15, 2))
    assert (await client.v1.subscriptions.retrieve_async(third.id)).status == "canceled"
    assert (await client.v1.subscription_schedules.retrieve_async(schedule.id)).status == "completed"
    sandbox.listener.wait_for("subscription_schedule.completed", id=schedule.id)


async def test_a_schedule_begins_a_subscription_when_its_time_has_come(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    price, later = await make_price(client, 3100), await make_price(client, 6200)
    schedule = await client.v1.subscription_schedules.create_async(
        {
            "customer": customer,
            "start_date": START + 10 * DAY,
            "phases": [
                {"items": [{"price": price.id}], "duration": {"interval": "month"}},
                {"items": [{"price": later.id}], "proration_behavior": "none"},
            ],
        }
    )
    assert (schedule.status, schedule.subscription) == ("not_started", None)
    await advance(client, clock, START + 11 * DAY)
    schedule = await client.v1.subscription_schedules.retrieve_async(schedule.id)
    subscription = await client.v1.subscriptions.retrieve_async(str(schedule.subscription))
    assert (schedule.status, subscription.status, subscription.start_date) == (
        "active",
        "active",
        START + 10 * DAY,
    )


async def test_phases_that_cannot_be_are_refused(client: stripe.StripeClient) -> None:
    _clock, customer = await on_a_clock(client)
    price, once = await make_price(client, 3100), await make_price(client, 3100, monthly=False)
    subscription = await subscribe(client, customer, price.id)
    schedule = await scheduled(client, subscription.id)
    start = schedule.phases[0].start_date
    wrong: list[Any] = [
        [{"start_date": start + 1, "items": [{"price": price.id}]}],
        [{"start_date": start, "end_date": start, "items": [{"price": price.id}]}],
        [{"start_date": start, "items": [{"price": once.id}]}],
        [{"start_date": start, "items": []}],
        [{"start_date": start, "items": [{"price": price.id}], "trial": True}],
    ]
    for phases in wrong:
        with pytest.raises(stripe.InvalidRequestError):
            await client.v1.subscription_schedules.update_async(schedule.id, {"phases": phases})


async def test_a_newer_change_takes_the_place_of_one_that_waits(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    _clock, customer = await on_a_clock(client, "pm_card_chargeCustomerFail")
    low, high, mid = [await make_price(client, amount) for amount in (3100, 6200, 4000)]
    subscription = await subscribe(client, customer, low.id)
    item = subscription["items"].data[0].id

    async def change(price: str) -> Any:
        return await client.v1.subscriptions.update_async(
            subscription.id,
            {
                "items": [{"id": item, "price": price}],
                "proration_behavior": "always_invoice",
                "payment_behavior": "pending_if_incomplete",
            },
        )

    first = await change(high.id)
    second = await change(mid.id)
    assert second.pending_update is not None
    assert (await client.v1.invoices.retrieve_async(str(first.latest_invoice))).status == "void"
    method = await client.v1.payment_methods.attach_async("pm_card_visa", {"customer": customer})
    await client.v1.invoices.pay_async(str(second.latest_invoice), {"payment_method": method.id})
    after = await client.v1.subscriptions.retrieve_async(subscription.id)
    assert (after.pending_update, after["items"].data[0].price.id) == (None, mid.id)
    sandbox.listener.wait_for("customer.subscription.pending_update_applied", id=subscription.id)
