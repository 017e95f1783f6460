"""Subscriptions and their items."""

from copy import deepcopy
from typing import Any

from billing.sandbox.changing import change_items
from billing.sandbox.charging import attach, resolve_method
from billing.sandbox.config import DAY
from billing.sandbox.errors import ApiError, invalid, missing_param
from billing.sandbox.local_time import local
from billing.sandbox.products import new_price
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, list_of, merge
from billing.sandbox.store import Store
from billing.sandbox.subscribing import Terms, begin, cancel

NOT_OURS = (
    *("application_fee_percent", "on_behalf_of", "transfer_data", "discounts", "add_invoice_items"),
    *("billing_thresholds", "pending_invoice_item_interval", "billing_schedules", "proration_date"),
    *("trial_from_plan", "default_source", "default_tax_rates", "invoice_settings"),
)


def _refuse_unknown(params: Body) -> None:
    for name in NOT_OURS:
        if params.get(name):
            raise invalid(f"The sandbox does not do {name}.", param=name)
    if params.get("collection_method", "charge_automatically") != "charge_automatically":
        raise invalid("The sandbox collects automatically only.", param="collection_method")


@route("POST", "/v1/subscriptions", "_subscription_create_params:SubscriptionCreateParams")
async def create(call: Call) -> Body:
    params = call.params
    _refuse_unknown(params)
    if "customer" not in params:
        raise missing_param("customer")
    customer = await call.store.get(params["customer"], "customer", "customer")
    store = await local(call.store, customer)
    items = [await _priced(store, item, index) for index, item in enumerate(params.get("items", []))]
    if not items:
        raise missing_param("items")
    method = params.get("default_payment_method")
    if method:
        found = await resolve_method(store, method, customer["id"])
        method = (await attach(store, found, customer["id"]))["id"]
    terms = Terms(
        items=items,
        trial_end=_trial_end(store, params),
        anchor=params.get("billing_cycle_anchor"),
        prorate=params.get("proration_behavior", "create_prorations") != "none",
        method=method,
        metadata=params.get("metadata") or {},
        description=params.get("description"),
        cancel_at_period_end=params.get("cancel_at_period_end", False),
        on_session=not params.get("off_session", False),
        payment_behavior=params.get("payment_behavior", "allow_incomplete"),
        automatic_tax=(params.get("automatic_tax") or {}).get("enabled", False),
    )
    has_method = method or customer["invoice_settings"]["default_payment_method"]
    if not has_method and terms.payment_behavior != "default_incomplete" and terms.trial_end is None:
        await _needs_no_method(items)
    return await begin(store, customer, terms)


async def _priced(store: Store, item: Body, index: int) -> Body:
    if data := item.get("price_data"):
        price = await new_price(store, data)
    elif "price" in item:
        price = await store.get(item["price"], "price", f"items[{index}][price]")
    else:
        raise missing_param(f"items[{index}][price]")
    return {"price": price, **{key: item[key] for key in ("quantity", "metadata") if key in item}}


async def _needs_no_method(items: list[Body]) -> None:
    """A subscription that bills something at once needs a way to pay."""
    for item in items:
        recurring = item["price"]["recurring"]
        if (
            recurring
            and recurring["usage_type"] == "licensed"
            and item["price"]["unit_amount_decimal"] != "0"
        ):
            raise ApiError(
                400,
                "This customer has no attached payment source or default payment method. Please consider"
                " adding a default payment method.",
                code="resource_missing",
                executed=True,
            )


def _trial_end(store: Store, params: Body) -> int | None:
    end: Any = params.get("trial_end")
    if end not in (None, "now"):
        return int(end)
    if days := params.get("trial_period_days"):
        return store.now + int(days) * DAY
    return None


@route("GET", "/v1/subscriptions", "_subscription_list_params:SubscriptionListParams")
async def listing(call: Call) -> Body:
    params = call.params
    match: dict[str, Any] = {}
    if "customer" in params:
        match["customer"] = params["customer"]
    status = params.get("status")
    if status not in (None, "all", "ended"):
        match["status"] = status
    page = await call.store.page("subscription", params, call.path, **match)
    if status is None:
        page["data"] = [one for one in page["data"] if one["status"] != "canceled"]
    if status == "ended":
        page["data"] = [one for one in page["data"] if one["status"] in ("canceled", "incomplete_expired")]
    return page


@route(
    "GET",
    "/v1/subscriptions/{subscription_exposed_id}",
    "_subscription_retrieve_params:SubscriptionRetrieveParams",
)
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["subscription_exposed_id"], "subscription")


@route(
    "POST",
    "/v1/subscriptions/{subscription_exposed_id}",
    "_subscription_update_params:SubscriptionUpdateParams",
)
async def update(call: Call) -> Body:
    params = call.params
    _refuse_unknown(params)
    subscription = await call.store.get(call.ids["subscription_exposed_id"], "subscription")
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    _check_update(subscription, params)
    store = await local(call.store, subscription)
    before = deepcopy(subscription)
    if "automatic_tax" in params:
        enabled = params["automatic_tax"]["enabled"]
        subscription["automatic_tax"]["enabled"] = enabled
        subscription["automatic_tax"]["liability"] = {"account": None, "type": "self"} if enabled else None
        subscription = await store.changed(before, subscription)
        before = deepcopy(subscription)
    if "items" in params:
        waits = params.get("payment_behavior") == "pending_if_incomplete"
        if waits and (params.keys() & {"metadata", "description", "default_payment_method"}):
            raise invalid("You cannot use `pending_if_incomplete` with these parameters.")
        subscription = await change_items(store, subscription, params)
        before = deepcopy(subscription)
    if method := params.get("default_payment_method"):
        found = await resolve_method(store, method, subscription["customer"])
        params = {
            **params,
            "default_payment_method": (await attach(store, found, subscription["customer"]))["id"],
        }
    merge(subscription, params, "description", "default_payment_method", "pause_collection")
    if details := params.get("cancellation_details"):
        merge(subscription["cancellation_details"], details, "comment", "feedback")
    _set_end(store, subscription, params)
    if params.get("trial_end") == "now" and subscription["status"] == "trialing":
        subscription["trial_end"] = subscription["_due"] = store.now
        for item in subscription["items"]["data"]:
            item["current_period_end"] = store.now
        subscription["billing_cycle_anchor"] = store.now
    return await store.changed(before, subscription)


def _check_update(subscription: Body, params: Body) -> None:
    if "billing_cycle_anchor" in params:
        raise invalid("The sandbox does not move anchors.", param="billing_cycle_anchor")
    if subscription["schedule"] and params.keys() & {"cancel_at", "cancel_at_period_end"}:
        raise invalid(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and"
            " updating any cancelation behavior directly is not allowed. Please update the schedule instead."
        )


def _set_end(store: Store, subscription: Body, params: Body) -> None:
    """Lets it end with its period or at a moment, or takes that back."""
    end = subscription["items"]["data"][0]["current_period_end"]
    wanted: int | str | None = subscription["cancel_at"]
    if "cancel_at_period_end" in params:
        wanted = end if params["cancel_at_period_end"] else None
        subscription["cancel_at_period_end"] = params["cancel_at_period_end"]
    if "cancel_at" in params:
        named = params["cancel_at"]
        wanted = end if named in ("min_period_end", "max_period_end") else named or None
        subscription["cancel_at_period_end"] = False
    if wanted == subscription["cancel_at"]:
        return
    subscription["cancel_at"] = wanted
    subscription["canceled_at"] = store.now if wanted else None
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if wanted else None
    subscription["_due"] = min(end, int(wanted)) if wanted else end


@route(
    "DELETE",
    "/v1/subscriptions/{subscription_exposed_id}",
    "_subscription_cancel_params:SubscriptionCancelParams",
)
async def delete(call: Call) -> Body:
    params = call.params
    subscription = await call.store.get(call.ids["subscription_exposed_id"], "subscription")
    store = await local(call.store, subscription)
    merge(
        subscription["cancellation_details"], params.get("cancellation_details") or {}, "comment", "feedback"
    )
    return await cancel(
        store,
        subscription,
        reason="cancellation_requested",
        invoice_now=params.get("invoice_now", False),
        prorate=params.get("prorate", False),
    )


@route("GET", "/v1/subscription_items", "_subscription_item_list_params:SubscriptionItemListParams")
async def list_items(call: Call) -> Body:
    subscription = await call.store.get(call.params["subscription"], "subscription", "subscription")
    return list_of(subscription["items"]["data"], call.path)
