"""A schedule's phases: what the parameters ask for, with its dates worked out."""

from typing import Any

from billing.sandbox.errors import invalid, missing_param
from billing.sandbox.items import new_item
from billing.sandbox.lines import Span
from billing.sandbox.periods import shift
from billing.sandbox.products import new_price
from billing.sandbox.shape import Body
from billing.sandbox.store import Store

NOT_OURS = (
    *("add_invoice_items", "application_fee_percent", "billing_thresholds", "default_tax_rates"),
    *("discounts", "on_behalf_of", "transfer_data", "trial", "trial_end"),
)
MOST = 10


def of_subscription(subscription: Body) -> Body:
    """The one phase of a schedule made from a running subscription: this period, as it is."""
    item = subscription["items"]["data"][0]
    return _phase(
        [_phase_item(one["price"], one["quantity"]) for one in subscription["items"]["data"]],
        Span(item["current_period_start"], item["current_period_end"]),
        {"proration_behavior": "create_prorations", "metadata": {}},
        subscription["currency"],
    )


async def planned(store: Store, wanted: list[Body], start: int, past: list[Body]) -> list[Body]:
    """The phases asked for, one after the other from ``start``; ``past`` ones that are left out stay.

    Raises ``ApiError`` 400 for what cannot follow, 404 for a price that is not there.
    """
    if not 1 <= len(wanted) <= MOST:
        raise invalid(f"A schedule has one to {MOST} phases.", param="phases")
    phases: list[Body] = []
    for index, params in enumerate(wanted):
        where = f"phases[{index}]"
        for name in NOT_OURS:
            if params.get(name):
                raise invalid(f"The sandbox does not do {name}.", param=f"{where}[{name}]")
        begins = phases[-1]["end_date"] if phases else start
        given = params.get("start_date", begins)
        if given not in (begins, "now"):
            raise invalid("A phase starts where the one before it ends.", param=f"{where}[start_date]")
        prices = [await _price(store, item, where) for item in params["items"]]
        if not prices:
            raise missing_param(f"{where}[items]")
        end = _end(store, params, prices[0], begins, where)
        items = [
            _phase_item(price, item.get("quantity"), item.get("metadata"))
            for price, item in zip(prices, params["items"], strict=True)
        ]
        phases.append(_phase(items, Span(begins, end), params, prices[0]["currency"]))
    known = {phase["start_date"] for phase in phases}
    return [*(one for one in past if one["start_date"] not in known), *phases]


def _end(store: Store, params: Body, price: Body, begins: int, where: str) -> int:
    end: Any = params.get("end_date")
    if "duration" in params:
        if end is not None:
            raise invalid("You may only specify one of these parameters: end_date, duration.", param=where)
        duration = params["duration"]
        return shift(begins, duration["interval"], duration.get("interval_count", 1))
    if end is None:
        recurring = price["recurring"]
        return shift(begins, recurring["interval"], recurring["interval_count"])
    if end == "now":
        return store.now
    if end <= begins:
        raise invalid("A phase must end after it starts.", param=f"{where}[end_date]")
    return int(end)


async def _price(store: Store, item: Body, where: str) -> Body:
    for name in ("plan", "billing_thresholds", "discounts", "tax_rates"):
        if item.get(name):
            raise invalid(f"The sandbox does not do {name}.", param=f"{where}[items][0][{name}]")
    if "price_data" in item:
        price = await new_price(store, item["price_data"])
    elif "price" in item:
        price = await store.get(item["price"], "price", f"{where}[items][0][price]")
    else:
        raise missing_param(f"{where}[items][0][price]")
    params = {"quantity": item["quantity"]} if "quantity" in item else {}
    new_item(store, "", price, params, Span(0, 0), active_only=False)  # for its refusals
    return price


def _phase_item(price: Body, quantity: int | None, metadata: Body | None = None) -> Body:
    metered = price["recurring"]["usage_type"] == "metered"
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": metadata or {},
        "plan": price["id"],
        "price": price["id"],
        "quantity": None if metered else quantity or 1,
        "tax_rates": [],
    }


def _phase(items: list[Body], span: Span, params: Body, currency: str) -> Body:
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "automatic_tax": None
        if "automatic_tax" not in params
        else {"disabled_reason": None, "enabled": params["automatic_tax"]["enabled"], "liability": None},
        "billing_cycle_anchor": params.get("billing_cycle_anchor"),
        "billing_thresholds": None,
        "collection_method": params.get("collection_method"),
        "currency": currency,
        "default_payment_method": params.get("default_payment_method"),
        "default_tax_rates": [],
        "description": params.get("description") or None,
        "discounts": [],
        "end_date": span.end,
        "invoice_settings": None,
        "items": items,
        "metadata": params.get("metadata") or {},
        "on_behalf_of": None,
        "proration_behavior": params.get("proration_behavior", "create_prorations"),
        "start_date": span.start,
        "transfer_data": None,
        "trial": None,
        "trial_end": None,
    }
