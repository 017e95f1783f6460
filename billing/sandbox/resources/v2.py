"""The v2 API of metering: meter events, and their fast stream."""

from datetime import datetime

from billing.sandbox.errors import ApiError, invalid, missing_object
from billing.sandbox.resources.meters import report, take
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, new_id
from billing.sandbox.store import Store
from billing.sandbox.v2_times import text_of

SESSION_SECONDS = 900
MOST = 100
"""Events in one request of the stream."""


def _seconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())
    except ValueError as error:
        raise invalid(f"Invalid timestamp: {text}", param="timestamp") from error


async def _record(store: Store, params: Body) -> Body:
    if "timestamp" in params:
        params = {**params, "timestamp": _seconds(params["timestamp"])}
    event = await take(store, params)
    return {
        **event,
        "object": "v2.billing.meter_event",
        "created": text_of(event["created"]),
        "timestamp": text_of(event["timestamp"]),
    }


@route("POST", "/v2/billing/meter_events", "v2.billing._meter_event_create_params:MeterEventCreateParams")
async def record(call: Call) -> Body:
    return await _record(call.store, call.params)


@route(
    "POST",
    "/v2/billing/meter_event_session",
    "v2.billing._meter_event_session_create_params:MeterEventSessionCreateParams",
)
async def create_session(call: Call) -> Body:
    return {
        "id": new_id("mes_test"),
        "object": "v2.billing.meter_event_session",
        "authentication_token": f"mes_test_{new_id('x', 40)[2:]}",
        "created": text_of(call.store.now),
        "expires_at": text_of(call.store.now + SESSION_SECONDS),
        "livemode": False,
    }


@route(
    "POST",
    "/v2/billing/meter_event_stream",
    "v2.billing._meter_event_stream_create_params:MeterEventStreamCreateParams",
)
async def stream(call: Call) -> Body:
    """Takes up to a hundred events; one that is doubled is passed over, as it was delivered already.

    One that no meter counts is found out later, and said by a thin event.
    """
    events = call.params["events"]
    if len(events) > MOST:
        raise invalid(f"At most {MOST} events a request.", param="events")
    for event in events:
        try:
            await _record(call.store, event)
        except ApiError as refused:
            if refused.body.get("code") in ("no_meter", "archived_meter"):
                code = "no_meter" if refused.body["code"] == "no_meter" else "archived_meter"
                await report(call.store, None, code, event.get("identifier") or new_id("mevt", 32))
            elif "already exists" not in str(refused):
                raise
    return {}


@route(
    "POST",
    "/v1/billing/meter_event_adjustments",
    "billing._meter_event_adjustment_create_params:MeterEventAdjustmentCreateParams",
)
async def adjust(call: Call) -> Body:
    """Cancels one event by its identifier."""
    identifier = (call.params.get("cancel") or {}).get("identifier")
    if not identifier:
        raise invalid("Missing required param: cancel[identifier].", param="cancel[identifier]")
    cursor = await call.store.connection.execute(
        "UPDATE sandbox.meter_event SET canceled = true"
        " WHERE account = %s AND identifier = %s AND event_name = %s RETURNING 1",
        [call.store.account, identifier, call.params["event_name"]],
    )
    if await cursor.fetchone() is None:
        raise missing_object("meter event", identifier, "cancel[identifier]")
    return {
        "object": "billing.meter_event_adjustment",
        "cancel": {"identifier": identifier},
        "event_name": call.params["event_name"],
        "livemode": False,
        "status": "complete",
        "type": "cancel",
    }
