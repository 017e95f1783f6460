"""Invoices by hand: items that wait, drafts held, sent, paid, voided and given up; previews of what comes."""

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
from tests.contract.selling import make_price


async def item(
    client: stripe.StripeClient, customer: str, amount: int = 500, **more: Any
) -> stripe.InvoiceItem:
    params: Any = {"customer": customer, "amount": amount, "currency": "cny", "description": "late", **more}
    return await client.v1.invoice_items.create_async(params)


async def latest(client: stripe.StripeClient, subscription: str) -> Any:
    return (await client.v1.invoices.list_async({"subscription": subscription, "limit": 1})).data[0]


async def test_an_item_lands_on_the_next_renewal(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    clock, customer = await on_a_clock(client)
    subscription = await subscribe(client, customer, (await make_price(client)).id)
    waits = await item(client, customer, metadata={"late": "1"}, tax_behavior="inclusive")
    await item(client, customer, 700, subscription=subscription.id)
    gone = await item(client, customer, 1)
    await client.v1.invoice_items.update_async(waits.id, {"amount": 600})
    assert (await client.v1.invoice_items.delete_async(gone.id)).deleted
    listed = await client.v1.invoice_items.list_async({"customer": customer, "pending": True})
    assert [one.amount for one in listed.data] == [700, 600]
    preview = await client.v1.invoices.create_preview_async({"subscription": subscription.id})
    assert preview.total == 990 + 700 + 600
    await advance(client, clock, moment(2026, 2, 15, 2))
    invoice = await latest(client, subscription.id)
    assert (invoice.total, invoice.status) == (2290, "paid")
    assert (await client.v1.invoice_items.retrieve_async(waits.id)).invoice == invoice.id
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.invoice_items.delete_async(waits.id)
    await advance(client, clock, moment(2026, 3, 15, 2))
    assert (await latest(client, subscription.id)).total == 990
    sandbox.listener.wait_for("invoiceitem.deleted", id=gone.id)


async def test_a_draft_is_held_and_takes_items_and_late_usage(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    meter = await make_meter(client)
    price = await make_metered_price(client, meter.id)
    subscription = await subscribe(client, customer, price.id, billing_cycle_anchor=moment(2026, 2, 1))
    await advance(client, clock, moment(2026, 2, 1, 0))
    draft = await latest(client, subscription.id)
    until = moment(2026, 2, 2)
    held = await client.v1.invoices.update_async(
        draft.id, {"auto_advance": True, "automatically_finalizes_at": until}
    )
    assert held.automatically_finalizes_at == until
    added = await item(client, customer, 300, invoice=draft.id)
    await advance(client, clock, moment(2026, 2, 1, 20))
    await report(client, meter, customer, 110, moment(2026, 1, 31, 23), str(uuid4()))
    assert (await client.v1.invoices.retrieve_async(draft.id)).status == "draft"
    await advance(client, clock, until)
    paid = await client.v1.invoices.retrieve_async(draft.id)
    assert (paid.status, paid.amount_paid) == ("paid", 1250 + 300)
    lines = await client.v1.invoices.line_items.list_async(draft.id)
    [late] = [line for line in lines.data if line.parent and line.parent.invoice_item_details]
    assert late.parent is not None
    assert late.parent.invoice_item_details is not None
    assert late.parent.invoice_item_details.invoice_item == added.id


async def test_an_invoice_made_by_hand_is_sent_and_paid(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    _clock, customer = await on_a_clock(client)
    await item(client, customer, 1500)
    once = await make_price(client, 400, monthly=False)
    await client.v1.invoice_items.create_async(
        {"customer": customer, "pricing": {"price": once.id}, "quantity": 2}
    )
    draft = await client.v1.invoices.create_async(
        {"customer": customer, "currency": "cny", "pending_invoice_items_behavior": "include"}
    )
    assert (draft.status, draft.total, draft.billing_reason) == ("draft", 2300, "manual")
    sent = await client.v1.invoices.send_invoice_async(draft.id)
    assert (sent.status, bool(sent.hosted_invoice_url)) == ("open", True)
    assert (await client.v1.invoices.pay_async(draft.id)).status == "paid"
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.invoices.pay_async(draft.id)
    sandbox.listener.wait_for("invoice.sent", id=draft.id)


async def test_states_an_invoice_can_and_cannot_leave(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    _clock, customer = await on_a_clock(client, "pm_card_chargeCustomerFail")

    async def made(status: str) -> str:
        await item(client, customer, 1500)
        invoice = await client.v1.invoices.create_async(
            {"customer": customer, "currency": "cny", "pending_invoice_items_behavior": "include"}
        )
        if status != "draft":
            await client.v1.invoices.finalize_invoice_async(invoice.id, {"auto_advance": False})
        if status == "void":
            await client.v1.invoices.void_invoice_async(invoice.id)
        if status == "uncollectible":
            await client.v1.invoices.mark_uncollectible_async(invoice.id)
        assert (await client.v1.invoices.retrieve_async(invoice.id)).status == status
        return invoice.id

    moves: Any = {
        "finalize": client.v1.invoices.finalize_invoice_async,
        "void": client.v1.invoices.void_invoice_async,
        "uncollectible": client.v1.invoices.mark_uncollectible_async,
        "delete": client.v1.invoices.delete_async,
    }
    table = {
        "draft": {"finalize", "delete"},
        "open": {"void", "uncollectible"},
        "uncollectible": {"void"},
        "void": set(),
    }
    for status, allowed in table.items():
        for name, move in moves.items():
            id = await made(status)
            if name in allowed:
                await move(id)
            else:
                with pytest.raises(stripe.InvalidRequestError):
                    await move(id)
    sandbox.listener.wait_for("invoice.marked_uncollectible")
    sandbox.listener.wait_for("invoice.voided")


async def test_a_void_invoice_gives_back_what_it_took_from_the_balance(client: stripe.StripeClient) -> None:
    _clock, customer = await on_a_clock(client, "pm_card_chargeCustomerFail")
    await client.v1.customers.update_async(customer, {"balance": -400})
    await item(client, customer, 1500)
    draft = await client.v1.invoices.create_async(
        {"customer": customer, "currency": "cny", "pending_invoice_items_behavior": "include"}
    )
    invoice = await client.v1.invoices.finalize_invoice_async(draft.id)
    assert invoice.amount_due == 1100
    assert (await client.v1.customers.retrieve_async(customer)).balance == 0
    await client.v1.invoices.void_invoice_async(draft.id)
    assert (await client.v1.customers.retrieve_async(customer)).balance == -400
    payments = await client.v1.invoice_payments.list_async({"invoice": draft.id})
    intent = await client.v1.payment_intents.retrieve_async(str(payments.data[0].payment.payment_intent))
    assert intent.status == "canceled"


async def test_a_preview_knows_what_a_schedule_will_change(client: stripe.StripeClient) -> None:
    clock, customer = await on_a_clock(client)
    high, low = await make_price(client, 6200), await make_price(client, 3100)
    subscription = await subscribe(client, customer, high.id)
    schedule = await client.v1.subscription_schedules.create_async({"from_subscription": subscription.id})
    start = schedule.phases[0].start_date
    phases: Any = [
        {
            "start_date": start,
            "end_date": schedule.phases[0].end_date,
            "items": [{"price": high.id, "quantity": 1}],
        },
        {"items": [{"price": low.id}], "proration_behavior": "none"},
    ]
    asked: Any = {"schedule": schedule.id, "schedule_details": {"phases": phases}}
    assert (await client.v1.invoices.create_preview_async(asked)).total == 3100
    assert (await client.v1.invoices.create_preview_async({"subscription": subscription.id})).total == 6200
    await client.v1.subscription_schedules.update_async(schedule.id, {"phases": phases})
    with_item: Any = {
        "subscription": subscription.id,
        "invoice_items": [{"amount": 50, "description": "x"}],
    }
    preview = await client.v1.invoices.create_preview_async(with_item)
    assert preview.total == 3150
    await advance(client, clock, moment(2026, 2, 15, 2))
    assert (await latest(client, subscription.id)).total == 3100


async def test_graduated_tiers_with_a_free_first_and_flat_amounts(client: stripe.StripeClient) -> None:
    _clock, customer = await on_a_clock(client)
    meter = await make_meter(client)
    product = await client.v1.products.create_async({"name": "Answers"})
    price = await client.v1.prices.create_async(
        {
            "product": product.id,
            "currency": "cny",
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [
                {"up_to": 100, "unit_amount": 0},
                {"up_to": 200, "unit_amount_decimal": Decimal("7.5"), "flat_amount": 300},
                {"up_to": "inf", "unit_amount_decimal": Decimal("2.25")},
            ],
        }
    )
    subscription = await subscribe(client, customer, price.id)
    for used, amounts in ((100, [0]), (101, [0, 308]), (203, [0, 1050, 7])):
        before = await counted(client, meter, customer)
        await report(client, meter, customer, used - before, START, str(uuid4()))
        preview = await client.v1.invoices.create_preview_async({"subscription": subscription.id})
        assert [line.amount for line in preview.lines.data] == amounts


async def counted(client: stripe.StripeClient, meter: Any, customer: str) -> int:
    found = await client.v1.billing.meters.event_summaries.list_async(
        meter.id, {"customer": customer, "start_time": START - DAY, "end_time": START + DAY}
    )
    return int(found.data[0].aggregated_value)


async def test_metered_use_is_billed_once_when_a_schedule_changes_its_price(
    client: stripe.StripeClient,
) -> None:
    clock, customer = await on_a_clock(client)
    meter = await make_meter(client)
    old, new = await make_metered_price(client, meter.id), await make_metered_price(client, meter.id)
    subscription = await subscribe(client, customer, old.id, billing_cycle_anchor=moment(2026, 2, 1))
    schedule = await client.v1.subscription_schedules.create_async({"from_subscription": subscription.id})
    first = schedule.phases[0]
    phases: Any = [
        {"start_date": first.start_date, "end_date": first.end_date, "items": [{"price": old.id}]},
        {"items": [{"price": new.id}], "proration_behavior": "none"},
    ]
    await client.v1.subscription_schedules.update_async(schedule.id, {"phases": phases})
    await report(client, meter, customer, 110, START + 60, str(uuid4()))
    await advance(client, clock, moment(2026, 2, 1))
    await report(client, meter, customer, 10, moment(2026, 1, 31, 23), str(uuid4()))
    await advance(client, clock, moment(2026, 2, 2))
    assert (await latest(client, subscription.id)).total == 110 * 12.5
