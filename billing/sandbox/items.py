"""Subscription items: a price as a subscription carries it."""

from billing.sandbox.errors import invalid
from billing.sandbox.lines import Span
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store


def plan_of(price: Body) -> Body:
    """The old shape of a price that a subscription item still carries."""
    recurring = price["recurring"]
    return build(
        "plan",
        id=price["id"],
        active=price["active"],
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        billing_scheme=price["billing_scheme"],
        created=price["created"],
        currency=price["currency"],
        interval=recurring["interval"],
        interval_count=recurring["interval_count"],
        livemode=False,
        metadata=price["metadata"],
        meter=recurring["meter"],
        nickname=price["nickname"],
        product=price["product"],
        tiers_mode=price["tiers_mode"],
        usage_type=recurring["usage_type"],
    )


def new_item(
    store: Store, subscription: str, price: Body, params: Body, span: Span, *, active_only: bool = True
) -> Body:
    """An item at a recurring price. Raises ``ApiError`` 400 for a price paid once or no longer sold."""
    if price["recurring"] is None:
        raise invalid(
            f"The price specified is set to `type=one_time` but this field only accepts prices with"
            f" `type=recurring`: {price['id']}",
            param="items[0][price]",
        )
    if active_only and not price["active"]:
        raise invalid(f"The price specified is inactive: {price['id']}", param="items[0][price]")
    metered = price["recurring"]["usage_type"] == "metered"
    if metered and "quantity" in params:
        raise invalid("You cannot give a quantity for a metered price.", param="items[0][quantity]")
    return build(
        "subscription_item",
        id=new_id("si"),
        created=store.now,
        current_period_end=span.end,
        current_period_start=span.start,
        discounts=[],
        metadata=params.get("metadata") or {},
        plan=plan_of(price),
        price=price,
        quantity=None if metered else params.get("quantity", 1),
        subscription=subscription,
        tax_rates=[],
    )
