"""The balance, and what moves it."""

from billing.sandbox.booking import balance
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body


@route("GET", "/v1/balance", "_balance_retrieve_params:BalanceRetrieveParams")
async def retrieve(call: Call) -> Body:
    held = await balance(call.store) or {"usd": (0, 0)}

    def shown(which: int) -> list[Body]:
        return [
            {"amount": amounts[which], "currency": currency, "source_types": {"card": amounts[which]}}
            for currency, amounts in held.items()
        ]

    return {
        "object": "balance",
        "available": shown(0),
        "livemode": False,
        "pending": shown(1),
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
