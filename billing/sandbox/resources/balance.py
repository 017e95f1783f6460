"""The balance, what moves it, and refunds."""

from copy import deepcopy

from billing.sandbox.booking import book
from billing.sandbox.errors import ApiError, invalid, missing_param
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, merge, new_id
from billing.sandbox.store import Store


async def amounts(store: Store, status: str) -> dict[str, int]:
    """The balance by currency: ``available``, or ``pending``."""
    cursor = await store.connection.execute(
        "SELECT body->>'currency', sum((body->>'net')::bigint)::bigint FROM sandbox.object"
        " WHERE account = %s AND type = 'balance_transaction' AND body->>'status' = %s GROUP BY 1 ORDER BY 1",
        [store.account, status],
    )
    return dict(await cursor.fetchall())


@route("GET", "/v1/balance", "_balance_retrieve_params:BalanceRetrieveParams")
async def retrieve(call: Call) -> Body:
    available, pending = await amounts(call.store, "available"), await amounts(call.store, "pending")
    currencies = sorted({*available, *pending}) or ["usd"]

    def shown(of: dict[str, int]) -> list[Body]:
        return [
            {"amount": of.get(one, 0), "currency": one, "source_types": {"card": of.get(one, 0)}}
            for one in currencies
        ]

    return {
        "object": "balance",
        "available": shown(available),
        "livemode": False,
        "pending": shown(pending),
        "refund_and_dispute_prefunding": {"available": [], "pending": []},
    }


@route("GET", "/v1/balance_transactions", "_balance_transaction_list_params:BalanceTransactionListParams")
async def list_transactions(call: Call) -> Body:
    names = ("currency", "source", "type")
    match = {name: call.params[name] for name in names if name in call.params}
    return await call.store.page("balance_transaction", call.params, call.path, **match)


@route(
    "GET",
    "/v1/balance_transactions/{id}",
    "_balance_transaction_retrieve_params:BalanceTransactionRetrieveParams",
)
async def retrieve_transaction(call: Call) -> Body:
    return await call.store.get(call.ids["id"], "balance_transaction")


@route("POST", "/v1/refunds", "_refund_create_params:RefundCreateParams")
async def create_refund(call: Call) -> Body:
    params, store = call.params, call.store
    charge = await _charge(store, params)
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if left == 0:
        raise ApiError(
            400,
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
            executed=True,
        )
    if charge["disputed"] and charge.get("_dispute_open"):
        raise invalid("The charge is disputed.", code="charge_disputed")
    if not 0 < amount <= left:
        raise invalid(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", param="amount"
        )
    refund = build(
        "refund",
        id=new_id("re"),
        amount=amount,
        charge=charge["id"],
        created=store.now,
        currency=charge["currency"],
        customer=charge["customer"],
        destination_details={"card": {"type": "refund"}, "type": "card"},
        metadata=params.get("metadata") or {},
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        reason=params.get("reason"),
        status="succeeded",
    )
    transaction = await book(
        store, amount=-amount, currency=charge["currency"], type="refund", source=refund["id"]
    )
    refund["balance_transaction"] = transaction["id"]
    before = deepcopy(charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    await store.created(refund)
    await store.changed(before, charge, "charge.refunded")
    return refund


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
