"""Test clocks."""

from copy import deepcopy

from billing.sandbox import timeline
from billing.sandbox.config import DAY
from billing.sandbox.errors import invalid
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, new_id


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
    "DELETE",
    "/v1/test_helpers/test_clocks/{test_clock}",
    "test_helpers._test_clock_delete_params:TestClockDeleteParams",
)
async def delete_clock(call: Call) -> Body:
    """Forgets the clock, and everybody who lived by it."""
    clock = await call.store.get(call.ids["test_clock"], "test_helpers.test_clock", "test_clock")
    await call.store.connection.execute(
        "DELETE FROM sandbox.object WHERE account = %s AND (clock = %s OR id = %s OR"
        " (type = 'customer' AND body->>'test_clock' = %s))",
        [call.store.account, clock["id"], clock["id"], clock["id"]],
    )
    await call.store.emit("test_helpers.test_clock.deleted", clock)
    return {"id": clock["id"], "object": "test_helpers.test_clock", "deleted": True}


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
