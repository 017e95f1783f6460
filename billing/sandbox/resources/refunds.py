"""Refunds."""

from copy import deepcopy

from billing.sandbox.errors import invalid, missing_param
from billing.sandbox.refunding import refund
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, merge
from billing.sandbox.store import Store


@route("POST", "/v1/refunds", "_refund_create_params:RefundCreateParams")
async def create_refund(call: Call) -> Body:
    for name in ("refund_application_fee", "reverse_transfer", "instructions_email", "origin"):
        if call.params.get(name):
            raise invalid(f"The sandbox does not do {name}.", param=name)
    return await refund(call.store, await _charge(call.store, call.params), call.params)


async def _charge(store: Store, params: Body) -> Body:
    id = params.get("charge")
    if id is None and "payment_intent" in params:
        intent = await store.get(params["payment_intent"], "payment_intent", "payment_intent")
        if intent["status"] != "succeeded":
            raise invalid("This PaymentIntent does not have a successful charge to refund.")
        id = intent["latest_charge"]
    if id is None:
        raise missing_param("charge")
    charge = await store.get(id, "charge", "charge")
    if charge["status"] != "succeeded":
        raise invalid("This charge was not paid: it cannot be refunded.", param="charge")
    return charge


@route("GET", "/v1/refunds", "_refund_list_params:RefundListParams")
async def list_refunds(call: Call) -> Body:
    names = ("charge", "payment_intent")
    match = {name: call.params[name] for name in names if name in call.params}
    return await call.store.page("refund", call.params, call.path, **match)


@route("GET", "/v1/refunds/{refund}", "_refund_retrieve_params:RefundRetrieveParams")
async def retrieve_refund(call: Call) -> Body:
    return await call.store.get(call.ids["refund"], "refund", "refund")


@route("POST", "/v1/refunds/{refund}", "_refund_update_params:RefundUpdateParams")
async def update_refund(call: Call) -> Body:
    refund = await call.store.get(call.ids["refund"], "refund", "refund")
    before = deepcopy(refund)
    merge(refund, call.params)
    return await call.store.changed(before, refund)
