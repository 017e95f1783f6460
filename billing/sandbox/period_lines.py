"""What a period's end owes: the next period ahead, and the use that was made of this one."""

from billing.sandbox.drafting import set_lines
from billing.sandbox.lines import Span, ahead, is_metered, used
from billing.sandbox.periods import boundary_after
from billing.sandbox.shape import Body
from billing.sandbox.store import Store


def uses(subscription: Body) -> list[Body]:
    """The metered items whose use the end of this period bills, with the time it is counted over."""
    return [
        *subscription.get("_closing", []),
        *(
            {"item": item, "start": item["current_period_start"], "end": item["current_period_end"]}
            for item in subscription["items"]["data"]
            if is_metered(item) and item["current_period_start"] < item["current_period_end"]
        ),
    ]


async def lines_of(store: Store, customer: str, counted: list[Body]) -> list[Body]:
    """Lines of use, counted now."""
    return [
        line
        for use in counted
        for line in await used(store, use["item"], customer, Span(use["start"], use["end"]))
    ]


async def next_lines(store: Store, subscription: Body, *, advance: bool) -> list[Body]:
    """What the next period costs ahead; with ``advance``, the items enter it."""
    lines = []
    for item in subscription["items"]["data"]:
        recurring = item["price"]["recurring"]
        old = Span(item["current_period_start"], item["current_period_end"])
        end = boundary_after(
            subscription["billing_cycle_anchor"], recurring["interval"], recurring["interval_count"], old.end
        )
        if not is_metered(item):
            lines.append(await ahead(store, item, Span(old.end, end)))
        if advance:
            item.update(current_period_start=old.end, current_period_end=end)
    return lines


async def used_so_far(store: Store, subscription: Body, until: int | None = None) -> list[Body]:
    """What this period's metered use costs, up to now or ``until``."""
    lines = []
    for item in subscription["items"]["data"]:
        if is_metered(item):
            span = Span(item["current_period_start"], until or item["current_period_end"])
            lines += await used(store, item, subscription["customer"], span)
    return lines


async def refresh_usage(store: Store, invoice: Body) -> None:
    """Counts a draft's metered lines again: usage that came late still enters it."""
    counted = invoice.get("_used") or []
    if not counted:
        return
    items = {use["item"]["id"] for use in counted}
    lines = [
        one
        for one in invoice["lines"]["data"]
        if (one["parent"]["subscription_item_details"] or {}).get("subscription_item") not in items
    ]
    set_lines(invoice, lines + await lines_of(store, invoice["customer"], counted))
