"""Disputes."""

from copy import deepcopy

from billing.sandbox.disputing import INQUIRY, decide, submit
from billing.sandbox.errors import invalid
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, merge


@route("GET", "/v1/disputes", "_dispute_list_params:DisputeListParams")
async def listing(call: Call) -> Body:
    names = ("charge", "payment_intent")
    match = {name: call.params[name] for name in names if name in call.params}
    return await call.store.page("dispute", call.params, call.path, **match)


@route("GET", "/v1/disputes/{dispute}", "_dispute_retrieve_params:DisputeRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["dispute"], "dispute", "dispute")


@route("POST", "/v1/disputes/{dispute}", "_dispute_update_params:DisputeUpdateParams")
async def update(call: Call) -> Body:
    dispute = await call.store.get(call.ids["dispute"], "dispute", "dispute")
    before = deepcopy(dispute)
    merge(dispute, call.params)
    evidence = call.params.get("evidence") or {}
    if "enhanced_evidence" in evidence:
        raise invalid("The sandbox does not do enhanced evidence.", param="evidence[enhanced_evidence]")
    dispute["evidence"].update(evidence)
    if call.params.get("submit", True) and evidence:
        return await submit(call.store, dispute)
    return await call.store.changed(before, dispute)


@route("POST", "/v1/disputes/{dispute}/close", "_dispute_close_params:DisputeCloseParams")
async def close(call: Call) -> Body:
    dispute = await call.store.get(call.ids["dispute"], "dispute", "dispute")
    return await decide(call.store, dispute, "warning_closed" if dispute["status"] in INQUIRY else "lost")
