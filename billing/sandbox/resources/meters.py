"""Meters, meter events and what they add up to."""

from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from billing.sandbox.config import DAY
from billing.sandbox.errors import ApiError, invalid, missing_param
from billing.sandbox.local_time import local
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, list_of, merge, new_id
from billing.sandbox.store import Store
from billing.sandbox.usage import HOUR, total

OLDEST = 35 * DAY
AHEAD = 300


@route("POST", "/v1/billing/meters", "billing._meter_create_params:MeterCreateParams")
async def create(call: Call) -> Body:
    params, store = call.params, call.store
    if await store.select("billing.meter", event_name=params["event_name"], status="active"):
        raise invalid(f"An active meter already uses event_name {params['event_name']}.", param="event_name")
    meter = build(
        "billing.meter",
        id=new_id("mtr_test"),
        created=store.now,
        customer_mapping=params.get("customer_mapping")
        or {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        default_aggregation=params["default_aggregation"],
        display_name=params["display_name"],
        event_name=params["event_name"],
        event_time_window=params.get("event_time_window"),
        livemode=False,
        status="active",
        status_transitions={"deactivated_at": None},
        updated=store.now,
        value_settings=params.get("value_settings") or {"event_payload_key": "value"},
    )
    await store.put(meter)
    await store.emit("billing.meter.created", meter)
    return meter


@route("GET", "/v1/billing/meters", "billing._meter_list_params:MeterListParams")
async def listing(call: Call) -> Body:
    match = {"status": call.params["status"]} if "status" in call.params else {}
    return await call.store.page("billing.meter", call.params, call.path, **match)


@route("GET", "/v1/billing/meters/{id}", "billing._meter_retrieve_params:MeterRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["id"], "billing.meter")


@route("POST", "/v1/billing/meters/{id}", "billing._meter_update_params:MeterUpdateParams")
async def update(call: Call) -> Body:
    meter = await call.store.get(call.ids["id"], "billing.meter")
    before = deepcopy(meter)
    merge(meter, call.params, "display_name")
    return await call.store.changed(before, meter)


@route("POST", "/v1/billing/meters/{id}/deactivate", "billing._meter_deactivate_params:MeterDeactivateParams")
async def deactivate(call: Call) -> Body:
    meter = await call.store.get(call.ids["id"], "billing.meter")
    before = deepcopy(meter)
    meter.update(status="inactive", status_transitions={"deactivated_at": call.store.now})
    return await call.store.changed(before, meter, "billing.meter.deactivated")


@route(
    "GET",
    "/v1/billing/meters/{id}/event_summaries",
    "billing._meter_event_summary_list_params:MeterEventSummaryListParams",
)
async def summaries(call: Call) -> Body:
    params, store = call.params, call.store
    meter = await store.get(call.ids["id"], "billing.meter")
    start, end = params["start_time"], params["end_time"]
    window = {"hour": HOUR, "day": DAY, None: None}[params.get("value_grouping_window")]
    if start % (window or 60) or end % (window or 60) or start >= end:
        raise invalid("start_time and end_time must align with the window's boundaries.", param="start_time")
    spans = [(at, at + window) for at in range(start, end, window)] if window else [(start, end)]
    found = []
    for since, until in reversed(spans):
        value = await total(store, meter, params["customer"], since, until)
        if value or not window:
            found.append(
                {
                    "id": new_id("mtrusg_test"),
                    "object": "billing.meter_event_summary",
                    "aggregated_value": float(value),
                    "end_time": until,
                    "livemode": False,
                    "meter": meter["id"],
                    "start_time": since,
                }
            )
    limit = params.get("limit", 10)
    return list_of(found[:limit], call.path, has_more=len(found) > limit)


@route("POST", "/v1/billing/meter_events", "billing._meter_event_create_params:MeterEventCreateParams")
async def record(call: Call) -> Body:
    return await take(call.store, call.params)


async def take(store: Store, params: Body) -> Body:
    """Takes one meter event.

    Refused at once (``ApiError`` 400): no active meter, a time too old or ahead, an identifier that exists.
    Found out later, as at Stripe, and said by a thin event: an unknown customer, a value that is no integer.
    """
    meters = await store.select("billing.meter", event_name=params["event_name"])
    meter = next((one for one in meters if one["status"] == "active"), None)
    if meter is None:
        raise invalid(
            f"No active meter found for event_name {params['event_name']}.",
            param="event_name",
            code="archived_meter" if meters else "no_meter",
        )
    payload = params["payload"]
    customer_id = payload.get(meter["customer_mapping"]["event_payload_key"])
    if not customer_id:
        raise missing_param(f"payload[{meter['customer_mapping']['event_payload_key']}]")
    customer = await store.find(str(customer_id), "customer")
    store = await local(store, customer)
    at = params.get("timestamp", store.now)
    if at < store.now - OLDEST:
        raise invalid("The timestamp is more than 35 days in the past.", code="timestamp_too_far_in_past")
    if at > store.now + AHEAD:
        raise invalid("The timestamp is more than five minutes in the future.", code="timestamp_in_future")
    identifier = params.get("identifier") or new_id("mevt", 32)
    value = _value(payload.get(meter["value_settings"]["event_payload_key"]), meter)
    problem = "meter_event_customer_not_found" if customer is None else None
    problem = problem or ("meter_event_invalid_value" if value is None else None)
    cursor = await store.connection.execute(
        "INSERT INTO sandbox.meter_event (account, identifier, event_name, customer, value, at, canceled)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING 1",
        [store.account, identifier, meter["event_name"], customer_id, value or 0, at, problem is not None],
    )
    if await cursor.fetchone() is None:
        raise ApiError(400, f"An event already exists with identifier {identifier}.", param="identifier")
    if problem:
        await report(store, meter, problem, identifier)
    return {
        "object": "billing.meter_event",
        "created": store.now,
        "event_name": params["event_name"],
        "identifier": identifier,
        "livemode": False,
        "payload": payload,
        "timestamp": at,
    }


def _value(text: Any, meter: Body) -> Decimal | None:
    if meter["default_aggregation"]["formula"] == "count" and text is None:
        return Decimal(1)
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        return None
    return value if value.is_finite() and value == value.to_integral_value() else None


async def report(store: Store, meter: Body | None, code: str, identifier: str) -> None:
    """Says by a thin event, as Stripe does a while later, what was wrong with a meter event."""
    at = datetime.fromtimestamp(store.now, UTC).isoformat().replace("+00:00", "Z")
    sample = {"error_message": f"{code}: {identifier}", "request": {"identifier": identifier}}
    about: Body = {}
    if meter is not None:
        url = f"/v1/billing/meters/{meter['id']}"
        about = {"related_object": {"id": meter["id"], "type": "billing.meter", "url": url}}
    await store.notify(
        "v1.billing.meter.no_meter_found" if meter is None else "v1.billing.meter.error_report_triggered",
        {
            "created": at,
            **about,
            "data": {
                "developer_message_summary": f"There is 1 invalid event: {code}",
                "reason": {
                    "error_count": 1,
                    "error_types": [{"code": code, "error_count": 1, "sample_errors": [sample]}],
                },
                "validation_start": at,
                "validation_end": at,
            },
        },
    )
