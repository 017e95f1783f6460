"""Events, as they were written: snapshots, and the thin ones of v2."""

from datetime import datetime
from typing import Any

from billing.sandbox.errors import invalid
from billing.sandbox.resources.v2_lists import page_of
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body


@route("GET", "/v1/events", "_event_list_params:EventListParams")
async def list_events(call: Call) -> Body:
    params = call.params
    types = params.get("types") or ([params["type"]] if "type" in params else None)
    return await call.store.page("event", params, call.path, types=types)


@route("GET", "/v1/events/{id}", "_event_retrieve_params:EventRetrieveParams")
async def retrieve_event(call: Call) -> Body:
    return await call.store.get(call.ids["id"], "event")


@route("GET", "/v2/core/events", "v2.core._event_list_params:EventListParams")
async def list_thin(call: Call) -> Body:
    """Newest first; of one object, of some types, made between two moments."""
    params = call.params
    match: dict[str, Any] = {}
    if "object_id" in params:
        match["related_object"] = {"id": params["object_id"]}
    created = {name: _seconds(text) for name, text in (params.get("created") or {}).items()}
    return await page_of(call, "v2.core.event", created=created, types=params.get("types"), **match)


def _seconds(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())
    except ValueError as error:
        raise invalid(f"Invalid timestamp: {text}", param="created") from error


@route("GET", "/v2/core/events/{id}", "v2.core._event_retrieve_params:EventRetrieveParams")
async def retrieve_thin(call: Call) -> Body:
    return await call.store.get(call.ids["id"], "v2.core.event")
