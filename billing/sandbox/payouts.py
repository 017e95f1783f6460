"""Payouts: the balance of the platform or of a connected account, sent to its bank."""

from copy import deepcopy

from billing.sandbox.booking import available, book
from billing.sandbox.config import DAY
from billing.sandbox.errors import ApiError, invalid
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store

FOLLOWS = {"pending": ("paid", "failed", "canceled"), "paid": ("failed",)}


async def pay_out(store: Store, params: Body) -> Body:
    """Takes the amount from what is available; it arrives a day later.

    Raises ``ApiError`` 400 ``balance_insufficient``.
    """
    amount, currency = params["amount"], params["currency"].lower()
    if amount < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if await available(store, currency) < amount:
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


async def decide_payout(store: Store, payout: Body, status: str) -> Body:
    """``paid``, or ``failed`` or ``canceled``: the money is back on the balance.

    A bank may also send back what was paid. Raises ``ApiError`` 400 for what cannot follow.
    """
    if status not in FOLLOWS.get(payout["status"], ()):
        raise invalid(f"A payout that is {payout['status']} cannot become {status}.")
    before = deepcopy(payout)
    payout.update(status=status, _due=None)
    if status != "paid":
        failed = status == "failed"
        moved = await book(
            store,
            amount=payout["amount"],
            currency=payout["currency"],
            type="payout_failure" if failed else "payout_cancel",
            category="payout_reversal",
            source=payout["id"],
        )
        payout["failure_balance_transaction"] = moved["id"]
        if failed:
            payout.update(failure_code="account_closed", failure_message="The bank account has been closed.")
    return await store.changed(before, payout, f"payout.{status}")
