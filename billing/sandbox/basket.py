"""What a checkout session sells: its lines, what of them is due at once, and the tax on it."""

from billing.sandbox import taxing
from billing.sandbox.config import DAY
from billing.sandbox.errors import invalid, missing_param
from billing.sandbox.lines import Span
from billing.sandbox.periods import boundary_after, shift
from billing.sandbox.pricing import amount
from billing.sandbox.products import new_price
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store
from billing.sandbox.taxing import Place, behavior_of, tax_on


def check_lines(lines: list[Body], mode: str) -> None:
    """Raises ``ApiError`` 400 for prices that do not belong together, or not in this mode."""
    recurring = [line["price"]["recurring"] is not None for line in lines]
    if mode == "payment" and any(recurring):
        raise invalid("You specified `payment` mode but passed a recurring price.", param="mode")
    if mode == "subscription" and not all(recurring):
        raise invalid("The sandbox takes only recurring prices in `subscription` mode.", param="mode")
    if len({line["currency"] for line in lines}) > 1:
        raise invalid("All prices must have the same currency.", param="line_items")


async def line_item(store: Store, item: Body, index: int) -> Body:
    """A line of the session. Raises ``ApiError`` 400 or 404 for a price that cannot be sold."""
    where = f"line_items[{index}]"
    if data := item.get("price_data"):
        price = await new_price(store, data)
        price["active"] = False
        await store.put(price)
    elif "price" in item:
        price = await store.get(item["price"], "price", f"{where}[price]")
        if not price["active"]:
            raise invalid("The price specified is inactive.", param=f"{where}[price]")
    else:
        raise missing_param(f"{where}[price]")
    metered = price["recurring"] is not None and price["recurring"]["usage_type"] == "metered"
    if metered and "quantity" in item:
        raise invalid(
            "Quantity should not be specified where usage_type is metered.", param=f"{where}[quantity]"
        )
    if not metered and "quantity" not in item:
        raise missing_param(f"{where}[quantity]")
    product = await store.get(price["product"], "product")
    value = 0 if metered else amount(price, item["quantity"])
    return build(
        "item",
        id=new_id("li"),
        adjustable_quantity=None,
        amount_discount=0,
        amount_subtotal=value,
        amount_tax=0,
        amount_total=value,
        currency=price["currency"],
        description=product["name"],
        metadata=item.get("metadata") or {},
        price=price,
        quantity=None if metered else item["quantity"],
    )


def trial_end_of(store: Store, data: Body) -> int | None:
    """When the trial in ``subscription_data`` ends. Raises ``ApiError`` 400 for the past."""
    if "trial_end" in data:
        end: int = data["trial_end"]
        if end <= store.now:
            raise invalid("The trial_end must be in the future.", param="subscription_data[trial_end]")
        return end
    if days := data.get("trial_period_days"):
        return store.now + int(days) * DAY
    return None


def due_now(store: Store, line: Body, data: Body) -> int:
    """What a line costs at once: a part of it, when the period is cut short by a billing cycle anchor."""
    total: int = line["amount_total"]
    anchor, recurring = data.get("billing_cycle_anchor"), line["price"]["recurring"]
    if not anchor or not recurring:
        return total
    if data.get("proration_behavior") == "none":
        return 0
    interval, count = recurring["interval"], recurring["interval_count"]
    end = boundary_after(anchor, interval, count, store.now)
    whole = Span(shift(end, interval, -count), end)
    return round(total * (end - store.now) / (whole.end - whole.start))


def assess(session: Body, place: Place | None) -> None:
    """Puts the totals on the session, taxed as at ``place``, or not yet (or never) taxed."""
    enabled = session["automatic_tax"]["enabled"]
    session["automatic_tax"] = taxing.settings(enabled=enabled, complete=place is not None)
    tax = on_top = 0
    for line, due in zip(session["_line_items"], session["_dues"], strict=True):
        behavior = behavior_of(line["price"], line["currency"])
        if place is not None and enabled:
            whole, now = (tax_on(value, behavior, place) for value in (line["amount_subtotal"], due))
            line["amount_tax"] = whole.amount
            line["amount_total"] = line["amount_subtotal"] + (0 if whole.inclusive else whole.amount)
            tax += now.amount
            on_top += 0 if now.inclusive else now.amount
    subtotal = sum(session["_dues"])
    session.update(
        amount_subtotal=subtotal,
        amount_total=subtotal + on_top,
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": tax},
    )
