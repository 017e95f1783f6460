"""Webhook endpoints, and the event destinations that are their v2 shape."""

from billing.sandbox.config import API_VERSION
from billing.sandbox.errors import invalid, missing_param
from billing.sandbox.resources.v2_lists import page_of
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, merge, new_id
from billing.sandbox.v2_times import text_of

HERE = ("http://127.0.0.1", "http://localhost", "http://[::1]")


def local_only(url: str, param: str) -> str:
    """The address, if it is on this machine. Raises ``ApiError`` 400."""
    if not url.startswith(HERE):
        raise invalid("The sandbox delivers on this machine only.", param=param)
    return url


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
        _url=local_only(params["url"], "url"),
        _thin=False,
        _secret=secret,
    )
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
    endpoint["_url"] = local_only(endpoint["url"], "url")
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    if endpoint["status"] == "disabled":
        await call.store.forget_deliveries(endpoint["id"])
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
    await call.store.forget_deliveries(id)
    return {"id": id, "object": "webhook_endpoint", "deleted": True}


@route(
    "POST",
    "/v2/core/event_destinations",
    "v2.core._event_destination_create_params:EventDestinationCreateParams",
)
async def create_destination(call: Call) -> Body:
    """A webhook endpoint for thin events, or for snapshots; its secret is shown once, when asked for."""
    params = call.params
    if params["type"] != "webhook_endpoint":
        raise invalid("The sandbox delivers to webhook endpoints only.", param="type")
    if "webhook_endpoint" not in params:
        raise missing_param("webhook_endpoint")
    now = text_of(call.store.now)
    url = local_only(params["webhook_endpoint"]["url"], "webhook_endpoint[url]")
    destination = {
        "id": new_id("ed_test"),
        "object": "v2.core.event_destination",
        "created": now,
        "description": params.get("description", ""),
        "enabled_events": params["enabled_events"],
        "event_payload": params["event_payload"],
        "events_from": params.get("events_from", ["self"]),
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "name": params["name"],
        "snapshot_api_version": API_VERSION if params["event_payload"] == "snapshot" else None,
        "status": "enabled",
        "status_details": None,
        "type": "webhook_endpoint",
        "updated": now,
        "webhook_endpoint": {"signing_secret": None, "url": None},
        "_created": call.store.now,
        "_url": url,
        "_thin": params["event_payload"] == "thin",
        "_secret": new_id("whsec", 32),
    }
    await call.store.put(destination)
    return _shown(destination, params)


def _shown(destination: Body, params: Body) -> Body:
    """The destination with what was asked to be included."""
    include = params.get("include") or []
    secret = destination["_secret"] if "webhook_endpoint.signing_secret" in include else None
    url = destination["_url"] if "webhook_endpoint.url" in include else None
    return {**destination, "webhook_endpoint": {"signing_secret": secret, "url": url}}


async def _destination(call: Call) -> Body:
    return await call.store.get(call.ids["id"], "v2.core.event_destination")


@route(
    "GET", "/v2/core/event_destinations", "v2.core._event_destination_list_params:EventDestinationListParams"
)
async def list_destinations(call: Call) -> Body:
    page = await page_of(call, "v2.core.event_destination")
    return {**page, "data": [_shown(one, call.params) for one in page["data"]]}


@route(
    "GET",
    "/v2/core/event_destinations/{id}",
    "v2.core._event_destination_retrieve_params:EventDestinationRetrieveParams",
)
async def retrieve_destination(call: Call) -> Body:
    return _shown(await _destination(call), call.params)


@route(
    "POST",
    "/v2/core/event_destinations/{id}",
    "v2.core._event_destination_update_params:EventDestinationUpdateParams",
)
async def update_destination(call: Call) -> Body:
    destination = await _destination(call)
    merge(destination, call.params, "description", "enabled_events", "name")
    if "webhook_endpoint" in call.params:
        destination["_url"] = local_only(call.params["webhook_endpoint"]["url"], "webhook_endpoint[url]")
    destination["updated"] = text_of(call.store.now)
    return _shown(await call.store.put(destination), call.params)


@route(
    "DELETE",
    "/v2/core/event_destinations/{id}",
    "v2.core._event_destination_delete_params:EventDestinationDeleteParams",
)
async def delete_destination(call: Call) -> Body:
    destination = await _destination(call)
    await call.store.remove(destination["id"])
    await call.store.forget_deliveries(destination["id"])
    return {"id": destination["id"], "object": "v2.core.event_destination"}


@route(
    "POST",
    "/v2/core/event_destinations/{id}/disable",
    "v2.core._event_destination_disable_params:EventDestinationDisableParams",
)
async def disable_destination(call: Call) -> Body:
    destination = await _destination(call)
    await call.store.forget_deliveries(destination["id"])
    destination.update(status="disabled", status_details={"disabled": {"reason": "user"}})
    return await call.store.put(destination)


@route(
    "POST",
    "/v2/core/event_destinations/{id}/enable",
    "v2.core._event_destination_enable_params:EventDestinationEnableParams",
)
async def enable_destination(call: Call) -> Body:
    destination = await _destination(call)
    destination.update(status="enabled", status_details=None)
    return await call.store.put(destination)


@route(
    "POST",
    "/v2/core/event_destinations/{id}/ping",
    "v2.core._event_destination_ping_params:EventDestinationPingParams",
)
async def ping_destination(call: Call) -> Body:
    """Sends the destination a thin event about itself, whatever else it listens to."""
    destination = await _destination(call)
    about = {
        "id": destination["id"],
        "type": destination["object"],
        "url": f"/v2/core/event_destinations/{destination['id']}",
    }
    return await call.store.notify(
        "v2.core.event_destination.ping",
        {"created": text_of(call.store.now), "related_object": about},
        only=destination["id"],
    )
