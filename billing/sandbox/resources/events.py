"""Events, webhook endpoints and test clocks."""

from copy import deepcopy

from billing.sandbox import timeline
from billing.sandbox.config import API_VERSION, DAY
from billing.sandbox.errors import invalid
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, merge, new_id


@route("GET", "/v1/events", "_event_list_params:EventListParams")
async def list_events(call: Call) -> Body:
    params = call.params
    types = params.get("types") or ([params["type"]] if "type" in params else None)
    return await call.store.page("event", params, call.path, types=types)


@route("GET", "/v1/events/{id}", "_event_retrieve_params:EventRetrieveParams")
async def retrieve_event(call: Call) -> Body:
    return await call.store.get(call.ids["id"], "event")


@route("POST", "/v1/webhook_endpoints", "_webhook_endpoint_create_params:WebhookEndpointCreateParams")
async def create_endpoint(call: Call) -> Body:
    params = call.params
    secret = new_id("whsec", 32)
    endpoint = build(
        "webhook_endpoint",
        id=new_id("we"),
        api_version=params.get("api_version", API_VERSION),
        created=call.store.now,
        description=params.get("description") or None,
        enabled_events=params["enabled_events"],
        livemode=False,
        metadata=params.get("metadata") or {},
        status="enabled",
        url=params["url"],
        _secret=secret,
    )
    if not params["url"].startswith(("http://127.0.0.1", "http://localhost", "http://[::1]")):
        raise invalid("The sandbox delivers on this machine only.", param="url")
    await call.store.put(endpoint)
    return {**endpoint, "secret": secret}


@route("GET", "/v1/webhook_endpoints", "_webhook_endpoint_list_params:WebhookEndpointListParams")
async def list_endpoints(call: Call) -> Body:
    return await call.store.page("webhook_endpoint", call.params, call.path)


@route(
    "GET",
    "/v1/webhook_endpoints/{webhook_endpoint}",
    "_webhook_endpoint_retrieve_params:WebhookEndpointRetrieveParams",
)
async def retrieve_endpoint(call: Call) -> Body:
    return await call.store.get(call.ids["webhook_endpoint"], "webhook_endpoint", "webhook_endpoint")


@route(
    "POST",
    "/v1/webhook_endpoints/{webhook_endpoint}",
    "_webhook_endpoint_update_params:WebhookEndpointUpdateParams",
)
async def update_endpoint(call: Call) -> Body:
    endpoint = await call.store.get(call.ids["webhook_endpoint"], "webhook_endpoint", "webhook_endpoint")
    merge(endpoint, call.params, "description", "enabled_events", "url")
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    return await call.store.put(endpoint)


@route(
    "DELETE",
    "/v1/webhook_endpoints/{webhook_endpoint}",
    "_webhook_endpoint_delete_params:WebhookEndpointDeleteParams",
)
async def delete_endpoint(call: Call) -> Body:
    id = call.ids["webhook_endpoint"]
    await call.store.get(id, "webhook_endpoint", "webhook_endpoint")
    await call.store.remove(id)
    return {"id": id, "object": "webhook_endpoint", "deleted": True}


@route("POST", "/v1/test_helpers/test_clocks", "test_helpers._test_clock_create_params:TestClockCreateParams")
async def create_clock(call: Call) -> Body:
    clock = build(
        "test_helpers.test_clock",
        id=new_id("clock"),
        created=call.store.now,
        deletes_after=call.store.now + 30 * DAY,
        frozen_time=call.params["frozen_time"],
        livemode=False,
        name=call.params.get("name"),
        status="ready",
        status_details={},
    )
    return await call.store.created(clock)


@route("GET", "/v1/test_helpers/test_clocks", "test_helpers._test_clock_list_params:TestClockListParams")
async def list_clocks(call: Call) -> Body:
    return await call.store.page("test_helpers.test_clock", call.params, call.path)


@route(
    "GET",
    "/v1/test_helpers/test_clocks/{test_clock}",
    "test_helpers._test_clock_retrieve_params:TestClockRetrieveParams",
)
async def retrieve_clock(call: Call) -> Body:
    return await call.store.get(call.ids["test_clock"], "test_helpers.test_clock", "test_clock")


@route(
    "POST",
    "/v1/test_helpers/test_clocks/{test_clock}/advance",
    "test_helpers._test_clock_advance_params:TestClockAdvanceParams",
)
async def advance_clock(call: Call) -> Body:
    """The answer says ``advancing``, as Stripe's does; when it is read, all is done and the clock ready."""
    store = call.store
    clock = await store.get(call.ids["test_clock"], "test_helpers.test_clock", "test_clock")
    target = call.params["frozen_time"]
    if target <= clock["frozen_time"]:
        raise invalid("The new frozen_time must be later than the clock's.", param="frozen_time")
    before = deepcopy(clock)
    clock.update(
        frozen_time=target, status="advancing", status_details={"advancing": {"target_frozen_time": target}}
    )
    await store.put(clock)
    await store.emit("test_helpers.test_clock.advancing", clock)
    answer = deepcopy(clock)
    await timeline.run(store, target, clock["id"])
    clock.update(status="ready", status_details={})
    await store.changed(before, clock, "test_helpers.test_clock.ready")
    return answer
