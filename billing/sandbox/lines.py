"""Invoice lines of a subscription: what is paid ahead, what was used, what a change owes."""

from dataclasses import dataclass
from decimal import Decimal

from billing.sandbox.pricing import amount, portions
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store
from billing.sandbox.taxing import behavior_of
from billing.sandbox.usage import total


@dataclass(frozen=True)
class Span:
    """A period ``[start, end)`` in seconds."""

    start: int
    end: int


def is_metered(item: Body) -> bool:
    """Whether the item is billed by use, after its period."""
    return bool(item["price"]["recurring"]["usage_type"] == "metered")


def line(
    item: Body,
    span: Span,
    value: int,
    description: str,
    *,
    quantity: Decimal | None,
    unit: Decimal | None = None,
    proration: bool = False,
) -> Body:
    """One line; ``value`` in minor units, negative for a credit."""
    price = item["price"]
    whole = quantity is not None and quantity == quantity.to_integral_value()
    unit_text = price["unit_amount_decimal"] if unit is None else format(unit.normalize(), "f")
    return build(
        "line_item",
        id=new_id("il"),
        amount=value,
        currency=price["currency"],
        description=description,
        discount_amounts=[],
        discountable=not proration,
        discounts=[],
        livemode=False,
        metadata=item["metadata"],
        parent={
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": proration,
                "proration_details": {"credited_items": None} if proration else None,
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        period={"start": span.start, "end": span.end},
        pretax_credit_amounts=[],
        pricing={
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": unit_text,
        },
        quantity=int(quantity) if quantity is not None and whole else None,
        quantity_decimal=None if quantity is None else format(quantity.normalize(), "f"),
        subscription=item["subscription"],
        subtotal=value,
        taxes=[],
        _behavior=behavior_of(price, price["currency"]),
    )


async def _product_name(store: Store, item: Body) -> str:
    product = await store.find(item["price"]["product"], "product")
    return product["name"] if product else "?"


async def ahead(store: Store, item: Body, span: Span, *, trial: bool = False) -> Body:
    """A licensed item for a whole period to come; nought in a trial."""
    quantity = item["quantity"] or 0
    name = await _product_name(store, item)
    interval = item["price"]["recurring"]["interval"]
    text = (
        f"Trial period for {name}"
        if trial
        else f"{quantity} × {name} (at {_money(item['price'])} / {interval})"
    )
    value = 0 if trial else amount(item["price"], quantity)
    return line(item, span, value, text, quantity=Decimal(quantity), unit=Decimal(0) if trial else None)


async def used(store: Store, item: Body, customer: str, span: Span) -> list[Body]:
    """A metered item's use in the span, a line for each tier it reached."""
    price = item["price"]
    meter_id = price["recurring"]["meter"]
    quantity = Decimal(0)
    if meter_id:
        meter = await store.get(meter_id, "billing.meter")
        quantity = await total(store, meter, customer, span.start, span.end)
    name = await _product_name(store, item)
    return [
        line(
            item,
            span,
            portion.amount,
            f"{portion.quantity.normalize():f} × {name}",
            quantity=portion.quantity,
            unit=portion.unit,
        )
        for portion in portions(price, quantity)
    ]


async def prorated(store: Store, item: Body, span: Span, now: int, *, credit: bool) -> Body:
    """The unused part of a period given back, or the rest of one charged."""
    name = await _product_name(store, item)
    whole = amount(item["price"], item["quantity"] or 0)
    length = max(span.end - span.start, 1)
    part = round(Decimal(whole) * (span.end - now) / length)
    text = f"Unused time on {name}" if credit else f"Remaining time on {name}"
    return line(
        item,
        Span(now, span.end),
        -part if credit else part,
        text,
        quantity=Decimal(item["quantity"] or 0),
        proration=True,
    )


def _money(price: Body) -> str:
    return f"{price['unit_amount_decimal']} {price['currency'].upper()} minor units"
