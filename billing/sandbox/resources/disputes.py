"""Disputes and payouts."""

from copy import deepcopy

from billing.sandbox.booking import book
from billing.sandbox.config import DAY
from billing.sandbox.disputing import decide, submit
from billing.sandbox.errors import ApiError, invalid
from billing.sandbox.resources.balance import amounts
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, merge, new_id


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
    return await decide(call.store, dispute, "lost")


@route("POST", "/v1/payouts", "_payout_create_params:PayoutCreateParams")
async def create_payout(call: Call) -> Body:
    params, store = call.params, call.store
    amount, currency = params["amount"], params["currency"].lower()
    if (await amounts(store, "available")).get(currency, 0) < amount or amount < 1:
        raise ApiError(
            400,
            "You have insufficient funds in your Stripe account for this transfer.",
            code="balance_insufficient",
            executed=True,
        )
    payout = build(
        "payout",
        id=new_id("po"),
        amount=amount,
        arrival_date=store.now + DAY,
        automatic=False,
        created=store.now,
        currency=currency,
        description=params.get("description"),
        livemode=False,
        metadata=params.get("metadata") or {},
        method=params.get("method", "standard"),
        reconciliation_status="not_applicable",
        source_type=params.get("source_type", "card"),
        statement_descriptor=params.get("statement_descriptor"),
        status="pending",
        type="bank_account",
        _due=store.now + DAY,
    )
    booked = await book(store, amount=-amount, currency=currency, type="payout", source=payout["id"])
    payout["balance_transaction"] = booked["id"]
    return await store.created(payout)


@route("GET", "/v1/payouts", "_payout_list_params:PayoutListParams")
async def list_payouts(call: Call) -> Body:
    match = {"status": call.params["status"]} if "status" in call.params else {}
    return await call.store.page("payout", call.params, call.path, **match)


@route("GET", "/v1/payouts/{payout}", "_payout_retrieve_params:PayoutRetrieveParams")
async def retrieve_payout(call: Call) -> Body:
    return await call.store.get(call.ids["payout"], "payout", "payout")


@route("POST", "/v1/payouts/{payout}/cancel", "_payout_cancel_params:PayoutCancelParams")
async def cancel_payout(call: Call) -> Body:
    payout = await call.store.get(call.ids["payout"], "payout", "payout")
    if payout["status"] != "pending":
        raise invalid("Payouts can be canceled only while they are pending.")
    before = deepcopy(payout)
    payout.update(status="canceled", _due=None)
    await book(
        call.store,
        amount=payout["amount"],
        currency=payout["currency"],
        type="payout_cancel",
        category="payout_reversal",
        source=payout["id"],
    )
    return await call.store.changed(before, payout, "payout.canceled")
