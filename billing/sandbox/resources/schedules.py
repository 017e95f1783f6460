"""Subscription schedules."""

from copy import deepcopy
from typing import Any

from billing.sandbox import scheduling
from billing.sandbox.errors import invalid, missing_param
from billing.sandbox.local_time import local
from billing.sandbox.phases import of_subscription, planned
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, merge, new_id
from billing.sandbox.store import Store
from billing.sandbox.subscribing import ended

SETTLED = ("billing_cycle_anchor", "collection_method", "default_payment_method", "description")
NOT_OURS = ("application_fee_percent", "billing_thresholds", "on_behalf_of", "transfer_data")


@route(
    "POST",
    "/v1/subscription_schedules",
    "_subscription_schedule_create_params:SubscriptionScheduleCreateParams",
)
async def create(call: Call) -> Body:
    params = call.params
    _check(params)
    if "from_subscription" in params:
        return await _from_subscription(call.store, params)
    for name in ("customer", "phases"):
        if name not in params:
            raise missing_param(name)
    customer = await call.store.get(params["customer"], "customer", "customer")
    store = await local(call.store, customer)
    wanted: Any = params.get("start_date", "now")
    begins = store.now if wanted == "now" else int(wanted)
    phases = await planned(store, params["phases"], begins, [])
    schedule = _new(store, customer["id"], customer["test_clock"], params, phases)
    schedule["_due"] = begins
    await store.created(schedule)
    return await scheduling.start(store, schedule) if begins <= store.now else schedule


async def _from_subscription(store: Store, params: Body) -> Body:
    for name in ("customer", "phases", "start_date", "default_settings"):
        if name in params:
            raise invalid(f"You cannot set `{name}` if `from_subscription` is set.", param=name)
    subscription = await store.get(params["from_subscription"], "subscription", "from_subscription")
    if subscription["schedule"]:
        raise invalid(
            "You cannot migrate a subscription that is already attached to a schedule:"
            f" {subscription['schedule']}."
        )
    if ended(subscription):
        raise invalid("You cannot migrate a subscription that is canceled.", param="from_subscription")
    store = await local(store, subscription)
    phase = of_subscription(subscription)
    schedule = _new(store, subscription["customer"], subscription["test_clock"], params, [phase])
    if subscription["cancel_at_period_end"] and "end_behavior" not in params:
        schedule["end_behavior"] = "cancel"
    settings = schedule["default_settings"]
    settings["automatic_tax"] = dict(subscription["automatic_tax"])
    settings["default_payment_method"] = subscription["default_payment_method"]
    schedule.update(
        status="active",
        subscription=subscription["id"],
        current_phase={"start_date": phase["start_date"], "end_date": phase["end_date"]},
        _due=phase["end_date"],
    )
    await store.created(schedule)
    before = deepcopy(subscription)
    subscription["schedule"] = schedule["id"]
    await store.changed(before, subscription)
    return schedule


def _check(params: Body) -> None:
    if params.get("pause_schedules"):
        raise invalid("The sandbox does not do pause_schedules.", param="pause_schedules")
    if params.get("end_behavior", "release") not in ("release", "cancel"):
        raise invalid("The sandbox knows the end behaviors release and cancel.", param="end_behavior")
    for name in NOT_OURS:
        if (params.get("default_settings") or {}).get(name):
            raise invalid(f"The sandbox does not do {name}.", param=f"default_settings[{name}]")


def _new(store: Store, customer: str, clock: str | None, params: Body, phases: list[Body]) -> Body:
    schedule = build(
        "subscription_schedule",
        id=new_id("sub_sched"),
        billing_mode={"flexible": None, "type": "classic", "updated_at": None},
        created=store.now,
        customer=customer,
        default_settings={
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {
                **dict.fromkeys(
                    ("account_tax_ids", "custom_fields", "days_until_due", "description", "footer")
                ),
                "issuer": {"account": None, "type": "self"},
            },
            "on_behalf_of": None,
            "transfer_data": None,
        },
        end_behavior=params.get("end_behavior", "release"),
        livemode=False,
        metadata=params.get("metadata") or {},
        pause_schedules=[],
        phases=phases,
        status="not_started",
        test_clock=clock,
        _clock=clock,
    )
    _set_defaults(schedule, params)
    return schedule


def _set_defaults(schedule: Body, params: Body) -> None:
    given = params.get("default_settings") or {}
    merge(schedule["default_settings"], {key: given[key] for key in SETTLED if key in given}, *SETTLED)
    if "automatic_tax" in given:
        schedule["default_settings"]["automatic_tax"]["enabled"] = given["automatic_tax"]["enabled"]


@route(
    "GET", "/v1/subscription_schedules", "_subscription_schedule_list_params:SubscriptionScheduleListParams"
)
async def listing(call: Call) -> Body:
    params = call.params
    match: dict[str, Any] = {name: params[name] for name in ("customer",) if name in params}
    if params.get("scheduled"):
        match["status"] = "not_started"
    return await call.store.page("subscription_schedule", params, call.path, **match)


@route(
    "GET",
    "/v1/subscription_schedules/{schedule}",
    "_subscription_schedule_retrieve_params:SubscriptionScheduleRetrieveParams",
)
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["schedule"], "subscription_schedule", "schedule")


@route(
    "POST",
    "/v1/subscription_schedules/{schedule}",
    "_subscription_schedule_update_params:SubscriptionScheduleUpdateParams",
)
async def update(call: Call) -> Body:
    params = call.params
    _check(params)
    schedule, store = await _running(call, "update")
    before = deepcopy(schedule)
    if "phases" in params:
        await _replan(store, schedule, params)
    merge(schedule, params, "end_behavior")
    _set_defaults(schedule, params)
    return await store.changed(before, schedule)


async def _replan(store: Store, schedule: Body, params: Body) -> None:
    """Other phases; what the running one asks for takes effect at once."""
    current = schedule["current_phase"]
    first = schedule["phases"][0]["start_date"]
    if current is None:
        wanted = params["phases"][0].get("start_date", first)
        schedule["phases"] = await planned(
            store, params["phases"], store.now if wanted == "now" else int(wanted), []
        )
        schedule["_due"] = schedule["phases"][0]["start_date"]
        return
    past = [one for one in schedule["phases"] if one["start_date"] < current["start_date"]]
    begins = params["phases"][0].get("start_date", current["start_date"])
    known = {one["start_date"] for one in schedule["phases"]}
    if begins not in known or begins > current["start_date"]:
        raise invalid(
            "You can not modify the start date of the current phase.", param="phases[0][start_date]"
        )
    running = next(one for one in schedule["phases"] if one["start_date"] == current["start_date"])
    phases = await planned(store, params["phases"], int(begins), past)
    now_running = next((one for one in phases if one["start_date"] == current["start_date"]), None)
    if now_running is None or now_running["end_date"] < store.now:
        raise invalid("The current phase must be among the phases, and end in the future.", param="phases")
    schedule["phases"] = phases
    schedule["current_phase"] = {"start_date": current["start_date"], "end_date": now_running["end_date"]}
    schedule["_due"] = now_running["end_date"]
    if now_running["items"] != running["items"] or now_running["metadata"] != running["metadata"]:
        subscription = await store.get(schedule["subscription"], "subscription")
        behavior = params.get("proration_behavior", "create_prorations")
        await scheduling.apply(store, subscription, now_running, behavior)


async def _running(call: Call, verb: str) -> tuple[Body, Store]:
    schedule = await call.store.get(call.ids["schedule"], "subscription_schedule", "schedule")
    if schedule["status"] not in ("not_started", "active"):
        raise invalid(
            f"You cannot {verb} a subscription schedule that is currently in the"
            f" `{schedule['status']}` status."
        )
    return schedule, await local(call.store, schedule)


@route(
    "POST",
    "/v1/subscription_schedules/{schedule}/release",
    "_subscription_schedule_release_params:SubscriptionScheduleReleaseParams",
)
async def release(call: Call) -> Body:
    schedule, store = await _running(call, "release")
    keep = call.params.get("preserve_cancel_date", False)
    return await scheduling.release(store, schedule, preserve_cancel_date=keep)


@route(
    "POST",
    "/v1/subscription_schedules/{schedule}/cancel",
    "_subscription_schedule_cancel_params:SubscriptionScheduleCancelParams",
)
async def cancel(call: Call) -> Body:
    """Ends the schedule, and its subscription with it."""
    schedule, store = await _running(call, "cancel")
    return await scheduling.cancel_with_subscription(
        store,
        schedule,
        invoice_now=call.params.get("invoice_now", True),
        prorate=call.params.get("prorate", True),
    )
