"""Purchases to be given back, and the books behind them."""

from typing import Any

from service.usecases.check_invariants import check_invariants
from tests.integration.selling import Shop
from tests.integration.serving import SignedIn


async def bought(shop: Shop, reader: SignedIn) -> Any:
    """A subscription paid for; returns the purchase."""
    await shop.subscribe(reader, await shop.plan())
    return (await shop.call("GET", "/v1/purchases", reader))["data"][0]


async def tipped(shop: Shop, reader: SignedIn, **more: Any) -> Any:
    body = {"handle": "creator", "price": {"amount": 500, "currency": "cny"}, **more}
    tip = await shop.call("POST", "/v1/tips", reader, body, 201)
    await shop.pay(tip["checkout_url"])
    await shop.settle("checkout.session.completed", "payment_intent.succeeded")
    return (await shop.call("GET", "/v1/purchases", reader))["data"][0]


async def refund(
    shop: Shop, sale_id: str, body: Any = None, expect: int = 201, key: str | None = None
) -> Any:
    path = f"/creator/v1/sales/{sale_id}/refund"
    headers = {} if key is None else {"idempotency-key": key}
    return await shop.call("POST", path, shop.creator, body, expect, **headers)


async def books_agree(shop: Shop) -> None:
    """The ledger's balance is the sum of the processor's movements, and the doctor finds nothing."""
    named = await shop.rows(
        "SELECT stripe_charge_id AS id FROM sale UNION SELECT stripe_dispute_id FROM dispute"
        " UNION SELECT stripe_refund_id FROM refund WHERE stripe_refund_id IS NOT NULL"
    )
    async with shop.sandbox.client("sk_test_shop") as stripe:
        net = 0
        for row in named:
            listed = await stripe.v1.balance_transactions.list_async({"source": row.id, "limit": 100})
            net += sum(transaction.net for transaction in listed.data)
    [row] = await shop.rows("SELECT balance FROM ledger_account WHERE kind = 'stripe_balance'")
    assert row.balance == net
    found = await check_invariants(shop.context)
    assert {one.name: one.faults for one in found if one.faults} == {}
