"""The life of a subscription: begun, renewed, past due, ended."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from billing.sandbox import invoice_items, invoicing
from billing.sandbox.charging import resolve_method
from billing.sandbox.drafting import compute
from billing.sandbox.errors import ApiError
from billing.sandbox.items import new_item
from billing.sandbox.lines import Span, ahead, is_metered, prorated, used
from billing.sandbox.period_lines import lines_of, next_lines, used_so_far, uses
from billing.sandbox.periods import boundary_after, shift
from billing.sandbox.schedule_ends import abandon
from billing.sandbox.shape import Body, build, list_of, new_id
from billing.sandbox.store import Store

INCOMPLETE_SECONDS = 23 * 3600
"""A first invoice unpaid for this long ends its subscription."""


@dataclass(frozen=True)
class Terms:
    """How a subscription begins. Times in seconds; ``items`` as the API takes them, prices resolved."""

    items: list[Body]
    trial_end: int | None = None
    anchor: int | None = None
    prorate: bool = True
    method: str | None = None
    metadata: Body = field(default_factory=dict)
    description: str | None = None
    cancel_at_period_end: bool = False
    on_session: bool = False
    authenticated: bool | None = None
    active_only: bool = True
    automatic_tax: bool = False
    payment_behavior: str = "allow_incomplete"
    extra: dict[str, Any] = field(default_factory=dict)


async def begin(store: Store, customer: Body, terms: Terms) -> Body:
    """A new subscription, its first invoice made and tried. Raises ``ApiError`` 402 only by
    ``error_if_incomplete``."""
    trialing = terms.trial_end is not None and terms.trial_end > store.now
    recurring = terms.items[0]["price"]["recurring"]
    if recurring is None:
        new_item(store, "", terms.items[0]["price"], {}, Span(0, 0))
    anchor = terms.trial_end if trialing else terms.anchor or store.now
    assert anchor is not None
    end = (
        anchor
        if trialing
        else boundary_after(anchor, recurring["interval"], recurring["interval_count"], store.now)
    )
    span = Span(store.now, end)
    id = new_id("sub")
    items = [
        new_item(store, id, item["price"], item, span, active_only=terms.active_only) for item in terms.items
    ]
    fields: Body = {
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": terms.automatic_tax,
            "liability": {"account": None, "type": "self"} if terms.automatic_tax else None,
        },
        "billing_cycle_anchor": anchor,
        "billing_mode": {"flexible": None, "type": "classic", "updated_at": None},
        "billing_schedules": [],
        "cancel_at": end if terms.cancel_at_period_end else None,
        "cancel_at_period_end": terms.cancel_at_period_end,
        "cancellation_details": {"comment": None, "feedback": None, "feedback_option": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": store.now,
        "currency": items[0]["price"]["currency"],
        "customer": customer["id"],
        "default_payment_method": terms.method,
        "default_tax_rates": [],
        "description": terms.description,
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "custom_fields": None, "description": None}
        | {"footer": None, "issuer": {"account": None, "type": "self"}},
        "items": list_of(items, f"/v1/subscription_items?subscription={id}"),
        "livemode": False,
        "metadata": terms.metadata,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": store.now,
        "status": "trialing" if trialing else "incomplete",
        "test_clock": customer["test_clock"],
        "trial_end": terms.trial_end if trialing else None,
        "trial_settings": {
            "end_behavior": {"billing_cycle_anchor": None, "missing_payment_method": "create_invoice"}
        },
        "trial_start": store.now if trialing else None,
        "_clock": customer["test_clock"],
        "_due": end,
    }
    subscription = build("subscription", id=id, **{**fields, **terms.extra})
    lines = []
    for item in items:
        if is_metered(item):
            lines.append(await _nothing_used(store, item))
        elif (
            not trialing
            and terms.anchor
            and end < shift(store.now, recurring["interval"], recurring["interval_count"])
        ):
            if terms.prorate:
                whole = Span(shift(end, recurring["interval"], -recurring["interval_count"]), end)
                lines.append(await prorated(store, item, whole, store.now, credit=False))
        else:
            lines.append(await ahead(store, item, span, trial=trialing))
    invoice = compute(
        store,
        customer,
        lines,
        reason="subscription_create",
        currency=subscription["currency"],
        subscription=subscription,
    )
    subscription["latest_invoice"] = invoice["id"]
    if not trialing and invoice["amount_due"] == 0:
        subscription["status"] = "active"
    await store.created(subscription)
    await store.created(invoice)
    invoice = await invoicing.finalize(store, invoice)
    method = await default_method(store, subscription)
    if invoice["status"] == "open" and terms.payment_behavior != "default_incomplete":
        invoice = await invoicing.collect(
            store, invoice, method, off_session=not terms.on_session, authenticated=terms.authenticated
        )
        if invoice["status"] != "paid" and terms.payment_behavior == "error_if_incomplete":
            raise ApiError(402, "Your card was declined.", type="card_error", code="card_declined")
    await after_invoice(store, invoice)
    subscription = await store.get(id, "subscription")
    if subscription["status"] == "incomplete":
        subscription["_due"] = store.now + INCOMPLETE_SECONDS
        await store.put(subscription)
    return subscription


def ended(subscription: Body) -> bool:
    """Whether it is over for good."""
    return subscription["status"] in ("canceled", "incomplete_expired")


async def _nothing_used(store: Store, item: Body) -> Body:
    """The line of a metered item on a first invoice: its use is billed when the period is over."""
    return (await used(store, item, "", Span(store.now, store.now)))[0]


async def default_method(store: Store, subscription: Body) -> Body | None:
    """What the subscription is paid with: its own method, or its customer's."""
    customer = await store.get(subscription["customer"], "customer")
    id = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    if id is None:
        return None
    return await resolve_method(store, id, customer["id"])


async def after_invoice(store: Store, invoice: Body) -> None:
    """Moves the invoice's subscription on: paid makes it active, failed past due, given up canceled."""
    details = (invoice["parent"] or {}).get("subscription_details")
    if not details:
        return
    subscription = await store.find(details["subscription"], "subscription")
    if subscription is None or subscription["status"] in ("canceled", "incomplete_expired"):
        return
    before = deepcopy(subscription)
    if invoice["status"] == "paid":
        if subscription["status"] == "incomplete":
            subscription["status"] = "active"
            subscription["_due"] = subscription["items"]["data"][0]["current_period_end"]
        elif subscription["status"] in ("past_due", "unpaid"):
            others = await store.select(
                "invoice",
                status="open",
                parent={"subscription_details": {"subscription": subscription["id"]}},
            )
            if not others:
                subscription["status"] = "active"
    elif invoice["status"] == "open" and invoice["attempted"]:
        if await _processing(store, invoice):
            if subscription["status"] == "incomplete":  # as Stripe does for money that is on its way
                subscription["status"] = "active"
                subscription["_due"] = subscription["items"]["data"][0]["current_period_end"]
        elif invoice["billing_reason"] == "subscription_cycle" and invoice["next_payment_attempt"] is None:
            if store.rules.dunning_outcome == "cancel":
                await cancel(store, subscription, reason="payment_failed")
                return
            subscription["status"] = store.rules.dunning_outcome
        elif subscription["status"] in ("active", "trialing"):
            subscription["status"] = "past_due"
    await store.changed(before, subscription)


async def _processing(store: Store, invoice: Body) -> bool:
    intent = await store.find(invoice.get("_intent") or "", "payment_intent")
    return intent is not None and intent["status"] == "processing"


async def renew(store: Store, subscription: Body) -> None:
    """At the end of a period: ends, or bills the next period and what was used in this one."""
    if subscription["status"] == "incomplete":
        before = deepcopy(subscription)
        subscription.update(status="incomplete_expired", ended_at=store.now, _due=None)
        await store.changed(before, subscription)
        invoice = await store.get(subscription["latest_invoice"], "invoice")
        if invoice["status"] == "open":
            await invoicing.close(store, invoice, "void")
        return
    if subscription["cancel_at_period_end"] or (
        subscription["cancel_at"] is not None and subscription["cancel_at"] <= store.now
    ):
        await cancel(store, subscription, reason="cancellation_requested", invoice_now=True)
        return
    before = deepcopy(subscription)
    customer = await store.get(subscription["customer"], "customer")
    used_up = uses(subscription)
    subscription.pop("_closing", None)
    lines = [
        *subscription.pop("_pending_lines", []),
        *await next_lines(store, subscription, advance=True),
    ]
    lines += await lines_of(store, customer["id"], used_up)
    waiting = await invoice_items.waiting(store, customer["id"], subscription["currency"], subscription["id"])
    lines += [invoice_items.line_of(item) for item in waiting]
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    invoice = compute(
        store,
        customer,
        lines,
        reason="subscription_cycle",
        currency=subscription["currency"],
        subscription=subscription,
    )
    old = before["items"]["data"][0]
    invoice.update(
        period_start=old["current_period_start"],
        period_end=old["current_period_end"],
        automatically_finalizes_at=store.now + store.rules.draft_seconds,
        _due=store.now + store.rules.draft_seconds,
        _used=used_up,
    )
    if subscription["status"] == "unpaid":  # nobody is asked for more until what is owed is paid
        invoice.update(auto_advance=False, automatically_finalizes_at=None, _due=None)
    subscription["latest_invoice"] = invoice["id"]
    subscription["_due"] = subscription["items"]["data"][0]["current_period_end"]
    await store.created(invoice)
    await invoice_items.take(store, waiting, invoice["id"])
    await store.changed(before, subscription)


async def cancel(
    store: Store, subscription: Body, *, reason: str, invoice_now: bool = False, prorate: bool = False
) -> Body:
    """Ends it now; ``invoice_now`` bills metered use not billed yet, ``prorate`` credits what is unused."""
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise ApiError(
            404, f"No such subscription: '{subscription['id']}'", code="resource_missing", param="id"
        )
    before = deepcopy(subscription)
    subscription.update(
        status="canceled", canceled_at=subscription["canceled_at"] or store.now, ended_at=store.now, _due=None
    )
    subscription["cancellation_details"]["reason"] = reason
    lines: list[Body] = subscription.pop("_pending_lines", []) if invoice_now else []
    waiting: list[Body] = []
    if invoice_now:
        lines += await used_so_far(store, subscription, store.now)
        waiting = await invoice_items.waiting(
            store, subscription["customer"], subscription["currency"], subscription["id"]
        )
        lines += [invoice_items.line_of(item) for item in waiting]
    for item in subscription["items"]["data"]:
        if prorate and not is_metered(item):
            whole = Span(item["current_period_start"], item["current_period_end"])
            lines.append(await prorated(store, item, whole, store.now, credit=True))
    if any(one["amount"] for one in lines):
        customer = await store.get(subscription["customer"], "customer")
        invoice = compute(
            store,
            customer,
            lines,
            reason="subscription_update",
            currency=subscription["currency"],
            subscription=subscription,
        )
        subscription["latest_invoice"] = invoice["id"]
        await store.created(invoice)
        await invoice_items.take(store, waiting, invoice["id"])
        invoice = await invoicing.finalize(store, invoice)
        method = await default_method(store, before)
        await invoicing.collect(store, invoice, method, off_session=True)
    schedule, subscription["schedule"] = subscription["schedule"], None
    canceled = await store.changed(before, subscription, "customer.subscription.deleted")
    await abandon(store, schedule)
    return canceled
