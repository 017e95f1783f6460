"""Refunds: given at once, on their way, or sent back by the buyer's bank."""

from copy import deepcopy

from billing.sandbox.booking import book
from billing.sandbox.charging import clock_of
from billing.sandbox.errors import ApiError, invalid
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store


async def refund(store: Store, charge: Body, params: Body) -> Body:
    """Gives back what is left of a charge, or ``amount`` of it. Raises ``ApiError`` 400 for more."""
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if left == 0:
        raise ApiError(
            400,
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
            executed=True,
        )
    if charge.get("_charged_back"):
        raise ApiError(
            400, f"Charge {charge['id']} has been charged back.", code="charge_disputed", executed=True
        )
    if not 0 < amount <= left:
        raise invalid(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", param="amount"
        )
    becomes = store.rules.refunds
    pending = becomes == "pending"
    made = build(
        "refund",
        id=new_id("re"),
        amount=amount,
        charge=charge["id"],
        created=store.now,
        currency=charge["currency"],
        customer=charge["customer"],
        destination_details={"card": {"type": "pending" if pending else "refund"}, "type": "card"},
        metadata=params.get("metadata") or {},
        payment_intent=charge["payment_intent"],
        payment_method=charge["payment_method"],
        pending_reason="processing" if pending else None,
        reason=params.get("reason"),
        status="pending" if pending else "succeeded",
        _becomes=becomes,
        _due=None if becomes == "succeeded" else store.now + store.rules.delayed_seconds,
        _clock=None if becomes == "succeeded" else await clock_of(store, charge["customer"]),
    )
    moved = await book(store, amount=-amount, currency=charge["currency"], type="refund", source=made["id"])
    made["balance_transaction"] = moved["id"]
    await _count(store, charge, amount, "charge.refunded", made)
    return made


async def _count(store: Store, charge: Body, amount: int, event: str, made: Body | None = None) -> None:
    before = deepcopy(charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    if made is not None:
        await store.created(made)
    await store.changed(before, charge, event)


async def decide_refund(store: Store, made: Body, status: str) -> Body:
    """``succeeded``, or ``failed``: the money comes back. Raises ``ApiError`` 400 for one that has failed."""
    if made["status"] == "failed" or status not in ("succeeded", "failed"):
        raise invalid("A refund succeeds or fails, and a failed one is over.", param="status")
    before = deepcopy(made)
    made.update(status=status, pending_reason=None, _due=None)
    made["destination_details"] = {"card": {"type": "refund"}, "type": "card"}
    if status == "succeeded":
        return await store.changed(before, made)
    moved = await book(
        store, amount=made["amount"], currency=made["currency"], type="refund_failure", source=made["id"]
    )
    made.update(failure_balance_transaction=moved["id"], failure_reason="expired_or_canceled_card")
    charge = await store.get(made["charge"], "charge")
    await _count(store, charge, -made["amount"], "charge.updated")
    await store.changed(before, made)
    await store.emit("refund.failed", made)
    return made
