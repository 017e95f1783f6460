"""Changes of a running subscription: other prices, prorated, billed now or with the next invoice."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from billing.sandbox import invoicing
from billing.sandbox.drafting import compute
from billing.sandbox.errors import ApiError, invalid, missing_param
from billing.sandbox.items import new_item, plan_of
from billing.sandbox.lines import Span, ahead, is_metered, prorated
from billing.sandbox.periods import boundary_after
from billing.sandbox.shape import Body, merge
from billing.sandbox.store import Store
from billing.sandbox.subscribing import after_invoice, default_method


@dataclass(frozen=True)
class Change:
    """The items as they will be, and what the change owes. ``anchor`` is new when the interval changed."""

    items: list[Body]
    lines: list[Body]
    anchor: int | None


async def plan_change(
    store: Store, subscription: Body, wanted: list[Body], *, prorate: bool, active_only: bool = True
) -> Change:
    """What the items would become. Raises ``ApiError`` 400 or 404 for what they cannot."""
    items = {item["id"]: deepcopy(item) for item in subscription["items"]["data"]}
    old = deepcopy(items)
    first = next(iter(items.values()))
    span = Span(first["current_period_start"], first["current_period_end"])
    for params in wanted:
        if "price_data" in params:
            raise invalid("The sandbox takes stored prices only here.", param="items")
        price = await store.get(params["price"], "price", "items[0][price]") if "price" in params else None
        if "id" not in params:
            if price is None:
                raise missing_param("items[0][price]")
            item = new_item(store, subscription["id"], price, params, span, active_only=active_only)
            items[item["id"]] = item
            continue
        item = items.get(params["id"], {})
        if not item:
            raise invalid(f"No such subscription item: '{params['id']}'", param="items[0][id]")
        if params.get("deleted"):
            del items[item["id"]]
            continue
        if price is not None:
            new_item(store, subscription["id"], price, {}, span)  # for its refusals
            item.update(price=price, plan=plan_of(price))
            item["quantity"] = None if is_metered(item) else item["quantity"] or 1
        merge(item, {key: params[key] for key in ("quantity", "metadata") if key in params}, "quantity")
    if not items:
        raise invalid("A subscription must have at least one item.", param="items")
    return await _cost(store, subscription, old, items, span, prorate=prorate)


async def _cost(
    store: Store,
    subscription: Body,
    old: dict[str, Body],
    items: dict[str, Body],
    span: Span,
    *,
    prorate: bool,
) -> Change:
    rhythm = [
        (one["price"]["recurring"]["interval"], one["price"]["recurring"]["interval_count"])
        for one in (*old.values(), *items.values())
    ]
    restarts = len(set(rhythm)) > 1 and subscription["status"] != "trialing"
    free = subscription["status"] == "trialing"
    lines: list[Body] = []
    for item in old.values():
        changed = items.get(item["id"]) is None or _differs(item, items[item["id"]])
        if prorate and not free and not is_metered(item) and (changed or restarts):
            lines.append(await prorated(store, item, span, store.now, credit=True))
    end = boundary_after(store.now, *rhythm[-1], store.now) if restarts else span.end
    for item in items.values():
        changed = item["id"] not in old or _differs(item, old[item["id"]])
        if restarts:
            item.update(current_period_start=store.now, current_period_end=end)
            if not is_metered(item):
                lines.append(await ahead(store, item, Span(store.now, end)))
        elif prorate and changed and not free and not is_metered(item):
            lines.append(await prorated(store, item, span, store.now, credit=False))
    return Change(list(items.values()), lines, store.now if restarts else None)


def _differs(one: Body, other: Body) -> bool:
    return bool(one["price"]["id"] != other["price"]["id"] or one["quantity"] != other["quantity"])


async def change_items(store: Store, subscription: Body, params: Body, *, active_only: bool = True) -> Body:
    """Moves the items; with ``always_invoice``, or another interval, bills at once.

    With ``pending_if_incomplete`` an unpaid change waits in ``pending_update``, and a newer change drops it.
    Raises ``ApiError`` 402 with ``error_if_incomplete``.
    """
    behavior = params.get("proration_behavior", "create_prorations")
    if subscription["pending_update"]:
        subscription = await _drop_pending(store, subscription)
    before = deepcopy(subscription)
    change = await plan_change(
        store, subscription, params["items"], prorate=behavior != "none", active_only=active_only
    )
    if change.anchor is None and behavior != "always_invoice":
        subscription["_pending_lines"] = [*subscription.get("_pending_lines", []), *change.lines]
        return await _apply(store, before, subscription, change.items, change.anchor)
    lines = [*subscription.pop("_pending_lines", []), *change.lines]
    if not lines:
        return await _apply(store, before, subscription, change.items, change.anchor)
    invoice = await _bill(store, subscription, lines)
    waits = params.get("payment_behavior", "allow_incomplete")
    if invoice["status"] != "paid" and waits == "error_if_incomplete":
        raise ApiError(402, "Your card was declined.", type="card_error", code="card_declined")
    subscription["latest_invoice"] = invoice["id"]
    if invoice["status"] != "paid" and waits == "pending_if_incomplete":
        return await _wait(store, before, subscription, change, invoice)
    changed = await _apply(store, before, subscription, change.items, change.anchor)
    await after_invoice(store, invoice)
    return await store.get(changed["id"], "subscription")


async def _bill(store: Store, subscription: Body, lines: list[Body]) -> Body:
    customer = await store.get(subscription["customer"], "customer")
    invoice = compute(
        store,
        customer,
        lines,
        reason="subscription_update",
        currency=subscription["currency"],
        subscription=subscription,
    )
    await store.created(invoice)
    invoice = await invoicing.finalize(store, invoice)
    method = await default_method(store, subscription)
    return await invoicing.collect(store, invoice, method, off_session=True)


async def _apply(
    store: Store, before: Body, subscription: Body, items: list[Body], anchor: int | None
) -> Body:
    subscription["items"]["data"] = items
    if anchor is not None:
        subscription["billing_cycle_anchor"] = anchor
    subscription["_due"] = items[0]["current_period_end"]
    return await store.changed(before, subscription)


async def _wait(store: Store, before: Body, subscription: Body, change: Change, invoice: Body) -> Body:
    expires = store.now + 23 * 3600
    subscription["pending_update"] = {
        "billing_cycle_anchor": change.anchor,
        "cancel_at_period_end": None,
        "discount": None,
        "discounts": None,
        "expires_at": expires,
        "metadata": None,
        "subscription_items": change.items,
        "trial_end": None,
        "trial_from_plan": None,
    }
    invoice.update(_pending=subscription["id"], _expires=expires, _due=expires, next_payment_attempt=None)
    await store.put(invoice)
    return await store.changed(before, subscription)


async def _drop_pending(store: Store, subscription: Body) -> Body:
    for invoice in await store.select("invoice", _pending=subscription["id"], status="open"):
        await settle_pending(store, await invoicing.close(store, invoice, "void"))
    return await store.get(subscription["id"], "subscription")


async def settle_pending(store: Store, invoice: Body) -> None:
    """The change that waited for this invoice is made when it is paid, and dropped when it is not."""
    if "_pending" not in invoice or invoice["status"] == "open":
        return
    subscription = await store.get(invoice.pop("_pending"), "subscription")
    await store.put(invoice)
    before = deepcopy(subscription)
    pending: Any = subscription["pending_update"]
    if pending is None:
        return
    subscription["pending_update"] = None
    if invoice["status"] == "paid":
        await _apply(
            store, before, subscription, pending["subscription_items"], pending["billing_cycle_anchor"]
        )
        await store.emit("customer.subscription.pending_update_applied", subscription)
        return
    await store.changed(before, subscription, "customer.subscription.pending_update_expired")
