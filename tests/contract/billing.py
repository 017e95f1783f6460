"""Steps that tests of billing share: customers on a clock, subscriptions, meters."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import stripe

DAY = 86_400
START = int(datetime(2026, 1, 15, tzinfo=UTC).timestamp())


async def on_a_clock(client: stripe.StripeClient, card: str = "pm_card_visa") -> tuple[str, str]:
    """A customer who lives by a test clock, and pays with a card."""
    clock = await client.v1.test_helpers.test_clocks.create_async({"frozen_time": START})
    customer = await client.v1.customers.create_async({"test_clock": clock.id, "email": "a@example.com"})
    method = await client.v1.payment_methods.attach_async(card, {"customer": customer.id})
    await client.v1.customers.update_async(
        customer.id, {"invoice_settings": {"default_payment_method": method.id}}
    )
    return clock.id, customer.id


async def subscribe(client: stripe.StripeClient, customer: str, *prices: str, **more: Any) -> Any:
    params: Any = {"customer": customer, "items": [{"price": price} for price in prices], **more}
    return await client.v1.subscriptions.create_async(params)


async def advance(client: stripe.StripeClient, clock: str, to: int) -> None:
    await client.v1.test_helpers.test_clocks.advance_async(clock, {"frozen_time": to})
    assert (await client.v1.test_helpers.test_clocks.retrieve_async(clock)).status == "ready"


def moment(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]  # year, month, day …


async def make_meter(client: stripe.StripeClient, window: Any = None) -> Any:
    event = f"passages_{uuid4().hex}"
    params: Any = {
        "display_name": "Passages",
        "event_name": event,
        "default_aggregation": {"formula": "sum"},
        "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        "value_settings": {"event_payload_key": "value"},
    }
    return await client.v1.billing.meters.create_async(
        params | ({"event_time_window": window} if window else {})
    )


async def make_metered_price(client: stripe.StripeClient, meter: str) -> stripe.Price:
    product = await client.v1.products.create_async({"name": "Passages"})
    return await client.v1.prices.create_async(
        {
            "product": product.id,
            "currency": "cny",
            "recurring": {"interval": "month", "usage_type": "metered", "meter": meter},
            "billing_scheme": "tiered",
            "tiers_mode": "graduated",
            "tiers": [
                {"up_to": 10, "unit_amount": 0},
                {"up_to": "inf", "unit_amount_decimal": Decimal("12.5")},
            ],
            "expand": ["tiers"],
        }
    )


async def report(
    client: stripe.StripeClient, meter: Any, customer: str, value: int, at: int, identifier: str
) -> Any:
    return await client.v1.billing.meter_events.create_async(
        {
            "event_name": meter.event_name,
            "payload": {"stripe_customer_id": customer, "value": str(value)},
            "timestamp": at,
            "identifier": identifier,
        }
    )
