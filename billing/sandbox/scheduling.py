"""The life of a subscription schedule: its phases entered one after the other, then its end."""

from copy import deepcopy

from billing.sandbox.changing import change_items
from billing.sandbox.items import new_item, plan_of
from billing.sandbox.lines import Span, is_metered
from billing.sandbox.schedule_ends import finish
from billing.sandbox.shape import Body, merge
from billing.sandbox.store import Store
from billing.sandbox.subscribing import Terms, begin, cancel, ended


async def work(store: Store, schedule: Body) -> None:
    """What is due: the first phase, the next one, or the end of the last."""
    if schedule["status"] == "not_started":
        await start(store, schedule)
        return
    over = schedule["current_phase"]["end_date"]
    phase = next((one for one in schedule["phases"] if one["start_date"] == over), None)
    if phase is not None:
        await _enter(store, schedule, phase)
        return
    if schedule["end_behavior"] == "cancel":
        subscription = await store.get(schedule["subscription"], "subscription")
        await finish(store, schedule, "completed", completed_at=store.now)
        await cancel(store, subscription, reason="cancellation_requested", invoice_now=True)
        return
    await release(store, schedule)


async def start(store: Store, schedule: Body) -> Body:
    """Begins the subscription of a schedule that was made for a customer."""
    phase = schedule["phases"][0]
    customer = await store.get(schedule["customer"], "customer")
    items = [
        {"price": await store.get(item["price"], "price")}
        | ({} if item["quantity"] is None else {"quantity": item["quantity"]})
        for item in phase["items"]
    ]
    defaults = schedule["default_settings"]
    terms = Terms(
        items=items,
        metadata=dict(phase["metadata"]),
        method=phase["default_payment_method"] or defaults["default_payment_method"],
        description=phase["description"],
        active_only=False,
        automatic_tax=bool((phase["automatic_tax"] or defaults["automatic_tax"])["enabled"]),
        extra={"schedule": schedule["id"]},
    )
    subscription = await begin(store, customer, terms)
    before = deepcopy(schedule)
    schedule["subscription"] = subscription["id"]
    _point_at(schedule, phase)
    return await store.changed(before, schedule)


def _point_at(schedule: Body, phase: Body) -> None:
    schedule.update(
        status="active",
        current_phase={"start_date": phase["start_date"], "end_date": phase["end_date"]},
        _due=phase["end_date"],
    )


async def _enter(store: Store, schedule: Body, phase: Body) -> None:
    """Puts the phase's items on the subscription.

    Where a phase starts with a period, nothing is prorated: the renewal that follows bills the new items.
    """
    before = deepcopy(schedule)
    _point_at(schedule, phase)
    subscription = await store.get(schedule["subscription"], "subscription")
    if subscription["items"]["data"][0]["current_period_end"] == store.now:
        was = deepcopy(subscription)
        await put_on(store, subscription, phase)
        await store.changed(was, subscription)
    else:
        await apply(store, subscription, phase, phase["proration_behavior"])
    await store.changed(before, schedule)


async def put_on(store: Store, subscription: Body, phase: Body) -> None:
    """Changes the subscription's items to the phase's at the end of a period; not written."""
    held = {item["price"]["id"]: item for item in subscription["items"]["data"]}
    span = Span(
        subscription["items"]["data"][0]["current_period_start"],
        subscription["items"]["data"][0]["current_period_end"],
    )
    items, closing = [], subscription.get("_closing", [])
    for wanted in phase["items"]:
        price = await store.get(wanted["price"], "price")
        item = held.pop(price["id"], None)
        if item is None:
            params = {} if wanted["quantity"] is None else {"quantity": wanted["quantity"]}
            item = new_item(store, subscription["id"], price, params, span, active_only=False)
            if is_metered(item):  # it was not sold before: nothing of the period behind is its use
                item["current_period_start"] = span.end
        item.update(quantity=wanted["quantity"], price=price, plan=plan_of(price))
        items.append(item)
    for item in held.values():
        if is_metered(item):  # its use is billed by the renewal that follows
            closing = [*closing, {"item": item, "start": span.start, "end": span.end}]
    old, new = subscription["items"]["data"][0]["price"]["recurring"], items[0]["price"]["recurring"]
    subscription["items"]["data"] = items
    subscription["_closing"] = closing
    if (old["interval"], old["interval_count"]) != (new["interval"], new["interval_count"]):
        subscription["billing_cycle_anchor"] = store.now
    _settings(subscription, phase)


async def apply(store: Store, subscription: Body, phase: Body, behavior: str) -> None:
    """Changes a running period's items to the phase's, prorated as ``behavior`` says."""
    held = {item["price"]["id"]: item for item in subscription["items"]["data"]}
    wanted: list[Body] = []
    for one in phase["items"]:
        item = held.pop(one["price"], None)
        quantity: Body = {} if one["quantity"] is None else {"quantity": one["quantity"]}
        wanted.append({**({"id": item["id"]} if item else {"price": one["price"]}), **quantity})
    wanted += [{"id": item["id"], "deleted": True} for item in held.values()]
    subscription = await change_items(
        store, subscription, {"items": wanted, "proration_behavior": behavior}, active_only=False
    )
    before = deepcopy(subscription)
    _settings(subscription, phase)
    await store.changed(before, subscription)


def _settings(subscription: Body, phase: Body) -> None:
    merge(subscription, {"metadata": phase["metadata"]} if phase["metadata"] else {})
    for name in ("default_payment_method", "description"):
        subscription[name] = phase[name] or subscription[name]
    if phase["automatic_tax"]:
        subscription["automatic_tax"] = {**phase["automatic_tax"]}


async def release(store: Store, schedule: Body, *, preserve_cancel_date: bool = True) -> Body:
    """Leaves the subscription as it is, on its own from now on."""
    subscription = await store.find(schedule["subscription"] or "", "subscription")
    released = await finish(
        store, schedule, "released", released_at=store.now, released_subscription=schedule["subscription"]
    )
    if subscription is not None:
        before = deepcopy(subscription)
        subscription["schedule"] = None
        if not preserve_cancel_date and subscription["cancel_at"]:
            subscription.update(cancel_at=None, canceled_at=None, cancel_at_period_end=False)
        await store.changed(before, subscription)
    return released


async def cancel_with_subscription(store: Store, schedule: Body, *, invoice_now: bool, prorate: bool) -> Body:
    """Ends both."""
    subscription = await store.find(schedule["subscription"] or "", "subscription")
    canceled = await finish(store, schedule, "canceled", canceled_at=store.now)
    if subscription is not None and not ended(subscription):
        await cancel(
            store,
            subscription,
            reason="cancellation_requested",
            invoice_now=invoice_now,
            prorate=prorate and invoice_now,
        )
    return canceled
