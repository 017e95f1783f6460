"""Payouts, of the platform and (with ``Stripe-Account``) of a connected account."""

from copy import deepcopy

from billing.sandbox.errors import invalid
from billing.sandbox.payouts import decide_payout, pay_out
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, merge


@route("POST", "/v1/payouts", "_payout_create_params:PayoutCreateParams")
async def create_payout(call: Call) -> Body:
    return await pay_out(call.store, call.params)


@route("GET", "/v1/payouts", "_payout_list_params:PayoutListParams")
async def list_payouts(call: Call) -> Body:
    match = {"status": call.params["status"]} if "status" in call.params else {}
    return await call.store.page("payout", call.params, call.path, **match)


@route("GET", "/v1/payouts/{payout}", "_payout_retrieve_params:PayoutRetrieveParams")
async def retrieve_payout(call: Call) -> Body:
    return await call.store.get(call.ids["payout"], "payout", "payout")


@route("POST", "/v1/payouts/{payout}", "_payout_update_params:PayoutUpdateParams")
async def update_payout(call: Call) -> Body:
    payout = await call.store.get(call.ids["payout"], "payout", "payout")
    before = deepcopy(payout)
    merge(payout, call.params)
    return await call.store.changed(before, payout)


@route("POST", "/v1/payouts/{payout}/cancel", "_payout_cancel_params:PayoutCancelParams")
async def cancel_payout(call: Call) -> Body:
    payout = await call.store.get(call.ids["payout"], "payout", "payout")
    if payout["status"] != "pending":
        raise invalid("Payouts can be canceled only while they are pending.")
    return await decide_payout(call.store, payout, "canceled")
