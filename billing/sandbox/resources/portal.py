"""Customer portal sessions."""

from billing.sandbox.errors import missing_param
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, new_id


@route("POST", "/v1/billing_portal/sessions", "billing_portal._session_create_params:SessionCreateParams")
async def create(call: Call) -> Body:
    params = call.params
    if "customer" not in params:
        raise missing_param("customer")
    customer = await call.store.get(params["customer"], "customer", "customer")
    id = new_id("bps")
    session = build(
        "billing_portal.session",
        id=id,
        configuration="bpc_sandbox",
        created=call.store.now,
        customer=customer["id"],
        livemode=False,
        locale=params.get("locale"),
        return_url=params.get("return_url"),
        url=f"{call.public_url}/portal/{id}",
    )
    return await call.store.put(session)
