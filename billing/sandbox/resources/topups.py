"""Top-ups: the platform's own money, put on its balance."""

from billing.sandbox.booking import book
from billing.sandbox.errors import invalid
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, new_id


@route("POST", "/v1/topups", "_topup_create_params:TopupCreateParams")
async def create(call: Call) -> Body:
    """Is there at once, as with Stripe's test token ``tok_visa_bypassPending``."""
    params, store = call.params, call.store
    if params["amount"] < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    topup = build(
        "topup",
        id=new_id("tu"),
        amount=params["amount"],
        created=store.now,
        currency=params["currency"].lower(),
        description=params.get("description"),
        expected_availability_date=store.now,
        initiated_by="user",
        livemode=False,
        metadata=params.get("metadata") or {},
        statement_descriptor=params.get("statement_descriptor"),
        status="succeeded",
        transfer_group=params.get("transfer_group"),
    )
    booked = await book(
        store, amount=topup["amount"], currency=topup["currency"], type="topup", source=topup["id"]
    )
    topup["balance_transaction"] = booked["id"]
    await store.created(topup)
    await store.emit("topup.succeeded", topup)
    return topup


@route("GET", "/v1/topups", "_topup_list_params:TopupListParams")
async def listing(call: Call) -> Body:
    match = {"status": call.params["status"]} if "status" in call.params else {}
    return await call.store.page("topup", call.params, call.path, **match)


@route("GET", "/v1/topups/{topup}", "_topup_retrieve_params:TopupRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["topup"], "topup", "topup")
