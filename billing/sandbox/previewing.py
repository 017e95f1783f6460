"""The invoice that would come next, by itself or if something were changed."""

from copy import deepcopy
from typing import Any

from billing.sandbox import invoice_items
from billing.sandbox.changing import plan_change
from billing.sandbox.drafting import compute
from billing.sandbox.errors import ApiError, invalid
from billing.sandbox.local_time import local
from billing.sandbox.period_lines import lines_of, next_lines, used_so_far, uses
from billing.sandbox.phases import planned
from billing.sandbox.scheduling import put_on
from billing.sandbox.shape import Body, new_id
from billing.sandbox.store import Store
from billing.sandbox.subscribing import ended

NOT_OURS = ("discounts", "on_behalf_of", "customer_details")
NOT_OF_A_SUBSCRIPTION = ("billing_cycle_anchor", "default_tax_rates", "pause", "proration_date", "resume_at")


async def preview(store: Store, params: Body) -> Body:
    """An invoice that is not written. Raises ``ApiError`` 404 ``invoice_upcoming_none`` when none comes."""
    details = params.get("subscription_details") or {}
    _check(params, details)
    subscription = await _subject(store, params)
    if subscription is None or ended(subscription):
        raise _none()
    customer = await store.get(subscription["customer"], "customer")
    store = await local(store, customer)
    if (params.get("automatic_tax") or {}).get("enabled") is not None:
        subscription["automatic_tax"]["enabled"] = params["automatic_tax"]["enabled"]
    lines = await _lines(store, subscription, details, params)
    for item in params.get("invoice_items") or []:
        given = {"currency": subscription["currency"], **item}
        lines.append(invoice_items.line_of(await invoice_items.new_item(store, customer, given)))
    invoice = compute(
        store,
        customer,
        lines,
        reason="upcoming",
        currency=subscription["currency"],
        subscription=subscription,
    )
    item = subscription["items"]["data"][0]
    end = item["current_period_end"]
    id = f"upcoming_{new_id('in')}"
    invoice.update(
        id=id,
        created=end,
        next_payment_attempt=end + store.rules.draft_seconds,
        period_start=item["current_period_start"],
        period_end=end,
    )
    for line in lines:
        line["invoice"] = id
    invoice["lines"]["url"] = f"/v1/invoices/upcoming/lines?subscription={subscription['id']}"
    return invoice


def _none() -> ApiError:
    return ApiError(404, "No upcoming invoices for customer.", code="invoice_upcoming_none")


def _check(params: Body, details: Body) -> None:
    for name in NOT_OURS:
        if params.get(name):
            raise invalid(f"The sandbox does not do {name}.", param=name)
    for name in NOT_OF_A_SUBSCRIPTION:
        if details.get(name):
            raise invalid(f"The sandbox does not do {name}.", param=f"subscription_details[{name}]")


async def _subject(store: Store, params: Body) -> Body | None:
    """The subscription that is asked about, or the customer's first that still bills something."""
    if "schedule" in params:
        schedule = await store.get(params["schedule"], "subscription_schedule", "schedule")
        return await store.find(schedule["subscription"] or "", "subscription")
    if "subscription" in params:
        return await store.get(params["subscription"], "subscription", "subscription")
    if "customer" not in params:
        raise invalid("You must pass either subscription or customer.")
    await store.get(params["customer"], "customer", "customer")
    found = await store.select("subscription", customer=params["customer"])
    running = [one for one in found if one["status"] in ("active", "trialing", "past_due")]
    return running[0] if running else None


async def _lines(store: Store, subscription: Body, details: Body, params: Body) -> list[Body]:
    waiting = await invoice_items.waiting(
        store, subscription["customer"], subscription["currency"], subscription["id"]
    )
    pending = [
        *deepcopy(subscription.get("_pending_lines", [])),
        *(invoice_items.line_of(item) for item in waiting),
    ]
    ends = details.get("cancel_at_period_end", subscription["cancel_at_period_end"])
    if details.get("cancel_now") or ends:
        used = await used_so_far(store, subscription, store.now if details.get("cancel_now") else None)
        if not used and not pending:
            raise _none()
        return [*pending, *used]
    if "items" not in details:
        return [*pending, *await _next(store, subscription, params)]
    behavior = details.get("proration_behavior", "create_prorations")
    change = await plan_change(store, subscription, details["items"], prorate=behavior != "none")
    if behavior == "always_invoice" or change.anchor is not None:
        return [*pending, *change.lines]
    subscription = deepcopy(subscription)
    subscription["items"]["data"] = change.items
    return [*pending, *change.lines, *await _next(store, subscription, params)]


async def _next(store: Store, subscription: Body, params: Body) -> list[Body]:
    """What the renewal bills: the use of this period, and the next one at what its schedule then sells."""
    after = deepcopy(subscription)
    end = after["items"]["data"][0]["current_period_end"]
    phase = next((one for one in await _phases(store, after, params) if one["start_date"] == end), None)
    if phase is not None:
        await put_on(store.at(end), after, phase)
    used = await lines_of(store, subscription["customer"], uses(after))
    return [*await next_lines(store, after, advance=False), *used]


async def _phases(store: Store, subscription: Body, params: Body) -> list[Body]:
    schedule = await store.find(subscription["schedule"] or "", "subscription_schedule")
    given = (params.get("schedule_details") or {}).get("phases")
    if given:
        item: Any = subscription["items"]["data"][0]
        return await planned(store, given, item["current_period_start"], [])
    return list(schedule["phases"]) if schedule is not None else []
