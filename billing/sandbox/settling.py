"""What else moves when a payment is decided: its invoice, its subscription, its checkout session."""

from copy import deepcopy

from billing.sandbox import invoicing
from billing.sandbox.changing import settle_pending
from billing.sandbox.shape import Body
from billing.sandbox.store import Store
from billing.sandbox.subscribing import after_invoice


async def settle_intent(store: Store, intent: Body) -> None:
    """Follows an intent that succeeded, failed, or is on its way, outside of its invoice's own collection."""
    if "_invoice" in intent:
        await _settle_invoice(store, intent)
    if "_session" in intent:
        await _settle_session(store, intent)


async def _settle_invoice(store: Store, intent: Body) -> None:
    invoice = await store.get(intent["_invoice"], "invoice")
    if invoice["status"] != "open":
        return
    if intent["status"] == "succeeded":
        invoice = await invoicing.mark_paid(store, invoice)
    else:
        before = deepcopy(invoice)
        invoice.update(attempted=True, attempt_count=max(invoice["attempt_count"], 1))
        await store.changed(before, invoice)
        if intent["status"] == "requires_payment_method":
            await store.emit("invoice.payment_failed", invoice)
    await after_invoice(store, invoice)
    await settle_pending(store, invoice)


async def _settle_session(store: Store, intent: Body) -> None:
    """Says how the delayed payment of a completed session ended."""
    session = await store.get(intent["_session"], "checkout.session")
    if session["status"] != "complete" or session["payment_status"] != "unpaid":
        return
    if intent["status"] == "succeeded":
        session["payment_status"] = "paid"
        await store.put(session)
        await store.emit("checkout.session.async_payment_succeeded", session)
    elif intent["status"] == "requires_payment_method":
        await store.emit("checkout.session.async_payment_failed", session)
