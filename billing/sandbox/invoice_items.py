"""Invoice items: amounts that wait for a customer's next invoice, or stand on a draft."""

from decimal import Decimal

from billing.sandbox.errors import invalid, missing_param
from billing.sandbox.fees import rounded
from billing.sandbox.pricing import amount as price_amount
from billing.sandbox.products import new_price
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store
from billing.sandbox.taxing import behavior_of


async def new_item(store: Store, customer: Body, params: Body) -> Body:
    """An invoice item from the parameters of ``invoice_items.create``, not written yet.

    Raises ``ApiError`` 400 when it says no amount and no price.
    """
    price = await _price(store, params)
    quantity = Decimal(str(params.get("quantity_decimal", params.get("quantity", 1))))
    if price is not None:
        value, currency = price_amount(price, int(quantity)), price["currency"]
        unit = price["unit_amount_decimal"]
    elif "amount" in params:
        value, currency, unit = params["amount"], _currency(params), str(params["amount"])
    elif "unit_amount_decimal" in params:
        unit, currency = params["unit_amount_decimal"], _currency(params)
        value = rounded(Decimal(unit) * quantity)
    else:
        raise missing_param("amount")
    return build(
        "invoiceitem",
        id=new_id("ii"),
        amount=value,
        currency=currency,
        customer=customer["id"],
        date=store.now,
        description=params.get("description"),
        discountable=params.get("discountable", value > 0),
        discounts=[],
        invoice=params.get("invoice"),
        livemode=False,
        metadata=params.get("metadata") or {},
        net_amount=value,
        parent=None
        if "subscription" not in params
        else {
            "subscription_details": {"subscription": params["subscription"], "subscription_item": None},
            "type": "subscription_details",
        },
        period=params.get("period") or {"start": store.now, "end": store.now},
        pricing={
            "price_details": {"price": price["id"], "product": price["product"]} if price else None,
            "type": "price_details",
            "unit_amount_decimal": unit,
        },
        proration=False,
        quantity=int(quantity),
        quantity_decimal=format(quantity, "f"),
        tax_rates=[],
        test_clock=customer["test_clock"],
        _behavior=behavior_of(price or params, currency),
        _created=store.now,
    )


def _currency(params: Body) -> str:
    if "currency" not in params:
        raise missing_param("currency")
    return str(params["currency"]).lower()


async def _price(store: Store, params: Body) -> Body | None:
    if "price_data" in params:
        return await new_price(store, params["price_data"])
    id = (params.get("pricing") or {}).get("price") or params.get("price")
    if id is None:
        return None
    price = await store.get(id, "price", "pricing[price]")
    if price["recurring"] is not None:
        raise invalid("An invoice item takes a price of type one_time.", param="pricing[price]")
    return price


def line_of(item: Body) -> Body:
    """The invoice line of an item."""
    subscription = ((item["parent"] or {}).get("subscription_details") or {}).get("subscription")
    return build(
        "line_item",
        id=new_id("il"),
        amount=item["amount"],
        currency=item["currency"],
        description=item["description"],
        discount_amounts=[],
        discountable=item["discountable"],
        discounts=[],
        livemode=False,
        metadata=item["metadata"],
        parent={
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": subscription,
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        period=item["period"],
        pretax_credit_amounts=[],
        pricing=item["pricing"],
        quantity=item["quantity"],
        quantity_decimal=item["quantity_decimal"],
        subscription=subscription,
        subtotal=item["amount"],
        taxes=[],
        _behavior=item["_behavior"],
    )


async def waiting(store: Store, customer: str, currency: str, subscription: str | None) -> list[Body]:
    """The customer's items that the next invoice takes: those of this subscription, or of none."""
    found = await store.select("invoiceitem", customer=customer, currency=currency, invoice=None)
    return [
        item
        for item in found
        if item["parent"] is None or item["parent"]["subscription_details"]["subscription"] == subscription
    ]


async def take(store: Store, items: list[Body], invoice: str) -> None:
    """The items stand on this invoice from now on."""
    for item in items:
        item["invoice"] = invoice
        await store.put(item)
