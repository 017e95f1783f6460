"""Transfers to connected accounts, and their reversals."""

from copy import deepcopy

from billing.sandbox.booking import available, balance, book
from billing.sandbox.errors import ApiError, invalid, missing_param
from billing.sandbox.routes import Call, route
from billing.sandbox.shape import Body, build, list_of, merge, new_id
from billing.sandbox.store import Store

REGION = frozenset(
    {
        *("US", "GB", "CA", "CH", "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR"),
        *("HU", "IS", "IE", "IT", "LV", "LI", "LT", "LU", "MT", "NL", "NO", "PL", "PT", "RO", "SK", "SI"),
        *("ES", "SE"),
    }
)
"""Between these, transfers cross borders; elsewhere they stay within the country."""


@route("POST", "/v1/transfers", "_transfer_create_params:TransferCreateParams")
async def create(call: Call) -> Body:
    params, store = call.params, call.store
    if "amount" not in params:
        raise missing_param("amount")
    amount, currency = params["amount"], params["currency"].lower()
    if amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    account = await store.get(params["destination"], "account", "destination")
    if (account["capabilities"] or {}).get("transfers") != "active":
        raise ApiError(
            400,
            "Your destination account needs to have at least one of the following capabilities enabled:"
            " transfers, crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
            executed=True,
        )
    _within_region(store.config.country, account["country"])
    group = params.get("transfer_group")
    after = 0
    if "source_transaction" in params:
        charge = await _source(store, params["source_transaction"], amount, currency)
        group = group or charge["transfer_group"] or f"group_{charge['payment_intent']}"
        after = await _wait_for(store, charge)
    elif await available(store, currency) < amount:
        raise ApiError(
            400,
            "You have insufficient available funds in your Stripe account.",
            code="balance_insufficient",
            executed=True,
        )
    id = new_id("tr")
    transfer = build(
        "transfer",
        id=id,
        amount=amount,
        amount_reversed=0,
        created=store.now,
        currency=currency,
        description=params.get("description"),
        destination=account["id"],
        livemode=False,
        metadata=params.get("metadata") or {},
        reversals=list_of([], f"/v1/transfers/{id}/reversals"),
        reversed=False,
        source_transaction=params.get("source_transaction"),
        source_type=params.get("source_type", "card"),
        transfer_group=group,
    )
    booked = await book(store, amount=-amount, currency=currency, type="transfer", source=id, after=after)
    transfer["balance_transaction"] = booked["id"]
    await book(
        store.of(account["id"]),
        amount=amount,
        currency=currency,
        type="payment",
        source=None,
        category="charge",
        after=after,
    )
    return await store.created(transfer)


def _within_region(ours: str, theirs: str) -> None:
    """Raises ``ApiError`` 400 for a country that transfers from the platform's do not reach."""
    if ours != theirs and not {ours, theirs} <= REGION:
        raise invalid(
            f"Funds can't be sent to accounts located in {theirs} because it's restricted outside of your"
            f" platform's region ({ours}).",
            param="destination",
        )


async def _wait_for(store: Store, charge: Body) -> int:
    """Seconds until a charge's money is there: what is drawn on it moves no sooner."""
    paid = await store.get(charge["balance_transaction"], "balance_transaction")
    return max(int(paid["available_on"]) - store.now, 0) if paid["status"] == "pending" else 0


async def _source(store: Store, id: str, amount: int, currency: str) -> Body:
    """The charge a transfer draws on. Raises ``ApiError`` 400 when it does not hold so much (any more)."""
    charge = await store.get(id, "charge", "source_transaction")
    if charge["currency"] != currency:
        raise invalid(
            "The currency of source_transaction's balance transaction"
            f" ({charge['currency']}) must be the same as the transfer currency ({currency})",
            param="currency",
        )
    drawn = await store.select("transfer", source_transaction=id)
    left = charge["amount"] - sum(one["amount"] - one["amount_reversed"] for one in drawn)
    if amount > left or charge["status"] != "succeeded":
        raise ApiError(
            400,
            f"The transfers from this charge may not exceed its amount ({left} left).",
            code="balance_insufficient",
            executed=True,
        )
    return charge


@route("GET", "/v1/transfers", "_transfer_list_params:TransferListParams")
async def listing(call: Call) -> Body:
    names = ("destination", "transfer_group")
    match = {name: call.params[name] for name in names if name in call.params}
    return await call.store.page("transfer", call.params, call.path, **match)


@route("GET", "/v1/transfers/{transfer}", "_transfer_retrieve_params:TransferRetrieveParams")
async def retrieve(call: Call) -> Body:
    return await call.store.get(call.ids["transfer"], "transfer", "transfer")


@route("POST", "/v1/transfers/{transfer}", "_transfer_update_params:TransferUpdateParams")
async def update(call: Call) -> Body:
    transfer = await call.store.get(call.ids["transfer"], "transfer", "transfer")
    before = deepcopy(transfer)
    merge(transfer, call.params, "description")
    return await call.store.changed(before, transfer)


@route(
    "POST", "/v1/transfers/{id}/reversals", "_transfer_reversal_create_params:TransferReversalCreateParams"
)
async def reverse(call: Call) -> Body:
    store = call.store
    transfer = await store.get(call.ids["id"], "transfer")
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = call.params.get("amount", left)
    if not 0 < amount <= left:
        raise invalid(
            f"Reversal amount ({amount}) is greater than unreversed amount on transfer ({left}).",
            param="amount",
        )
    theirs = store.of(transfer["destination"])
    held = sum((await balance(theirs)).get(transfer["currency"], (0, 0)))
    if held < amount:
        raise ApiError(
            400,
            "The connected account's balance does not cover the reversal: it has been paid out.",
            code="balance_insufficient",
            executed=True,
        )
    reversal = build(
        "transfer_reversal",
        id=new_id("trr"),
        amount=amount,
        created=store.now,
        currency=transfer["currency"],
        metadata=call.params.get("metadata") or {},
        transfer=transfer["id"],
    )
    drawn = await store.get(transfer["balance_transaction"], "balance_transaction")
    after = max(drawn["available_on"] - store.now, 0) if drawn["status"] == "pending" else 0
    booked = await book(
        store,
        amount=amount,
        currency=transfer["currency"],
        type="transfer_refund",
        source=reversal["id"],
        category="transfer_reversal",
        after=after,
    )
    reversal["balance_transaction"] = booked["id"]
    await book(
        theirs,
        amount=-amount,
        currency=transfer["currency"],
        type="payment_refund",
        source=None,
        category="refund",
        after=after,
    )
    before = deepcopy(transfer)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    transfer["reversals"]["data"].insert(0, reversal)
    await store.put(reversal)
    await store.changed(before, transfer, "transfer.reversed")
    return reversal


@route("GET", "/v1/transfers/{id}/reversals", "_transfer_reversal_list_params:TransferReversalListParams")
async def reversals(call: Call) -> Body:
    await call.store.get(call.ids["id"], "transfer")
    return await call.store.page("transfer_reversal", call.params, call.path, transfer=call.ids["id"])
