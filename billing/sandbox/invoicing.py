"""Invoices: finalized, collected, given up; dunned when a card fails."""

from copy import deepcopy
from typing import Any

from billing.sandbox.charging import attempt, new_intent
from billing.sandbox.config import DAY
from billing.sandbox.drafting import set_lines
from billing.sandbox.errors import invalid
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store

PURPOSES = {"subscription_create": "Subscription creation", "manual": "Payment for Invoice"}


async def finalize(store: Store, invoice: Body, **intent_fields: Any) -> Body:
    """Makes the draft open, or at once paid when nothing is due; ``intent_fields`` go on its payment.

    What the customer owes or is owed counts as it is now, not as it was when the draft was made.
    """
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized.", code="invoice_not_editable")
    customer = await store.get(invoice["customer"], "customer")
    before = deepcopy(invoice)
    invoice["starting_balance"] = customer["balance"] or 0
    set_lines(invoice, invoice["lines"]["data"])
    if (customer["balance"] or 0) != invoice["_balance_after"]:
        was = deepcopy(customer)
        customer["balance"] = invoice["_balance_after"]
        await store.changed(was, customer)
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    await store.put(customer)
    invoice.update(
        status="open",
        number=number,
        automatically_finalizes_at=None,
        effective_at=store.now,
        ending_balance=invoice["_balance_after"],
        hosted_invoice_url=f"{store.config.public_url}/invoices/{invoice['id']}",
        invoice_pdf=f"{store.config.public_url}/invoices/{invoice['id']}",
        _due=None,
    )
    invoice["status_transitions"]["finalized_at"] = store.now
    if invoice["amount_due"] > 0:
        fields = {
            "customer": invoice["customer"],
            "description": PURPOSES.get(invoice["billing_reason"], "Subscription update"),
            "setup_future_usage": "off_session" if invoice["parent"] else None,
            **intent_fields,
        }
        intent = await new_intent(
            store, invoice["amount_due"], invoice["currency"], **fields, _invoice=invoice["id"]
        )
        payment = _payment(store, invoice, intent)
        await store.put(payment)
        invoice["_payment"], invoice["_intent"] = payment["id"], intent["id"]
    await store.changed(before, invoice, "invoice.finalized")
    if invoice["amount_due"] == 0:
        return await mark_paid(store, invoice)
    return invoice


def _payment(store: Store, invoice: Body, intent: Body) -> Body:
    return build(
        "invoice_payment",
        id=new_id("inpay"),
        amount_requested=invoice["amount_due"],
        created=store.now,
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=True,
        livemode=False,
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
        status="open",
        status_transitions={"canceled_at": None, "paid_at": None},
    )


async def collect(
    store: Store,
    invoice: Body,
    method: Body | None,
    *,
    off_session: bool,
    authenticated: bool | None = None,
    by_hand: bool = False,
) -> Body:
    """Tries to have the open invoice paid; the outcome is in ``status``.

    A try ``by_hand`` after the first leaves the retries as they are planned.
    """
    if invoice["status"] != "open":
        return invoice
    intent = await store.get(invoice["_intent"], "payment_intent")
    before = deepcopy(invoice)
    replanned = not by_hand or not invoice["attempted"]
    invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + replanned)
    if method is not None:
        intent = await attempt(store, intent, method, off_session=off_session, authenticated=authenticated)
    if intent["status"] == "succeeded":
        return await mark_paid(store, invoice, before)
    if intent["status"] == "processing":
        invoice.update(next_payment_attempt=None, _due=None)
        return await store.changed(before, invoice)
    if replanned:
        _plan_retry(store, invoice)
    await store.changed(before, invoice)
    error = intent["last_payment_error"] or {}
    if intent["status"] == "requires_action" or error.get("code") == "authentication_required":
        await store.emit("invoice.payment_action_required", invoice)
    if intent["status"] != "requires_action":
        await store.emit("invoice.payment_failed", invoice)
    return invoice


def _plan_retry(store: Store, invoice: Body) -> None:
    """Only what renews by itself is tried again by itself."""
    tried, waits = invoice["attempt_count"], store.rules.retry_days
    again = invoice["billing_reason"] == "subscription_cycle" and tried <= len(waits)
    invoice["next_payment_attempt"] = store.now + waits[tried - 1] * DAY if again else None
    invoice["_due"] = invoice["next_payment_attempt"]


async def mark_paid(store: Store, invoice: Body, before: Body | None = None) -> Body:
    """The invoice is paid: by its payment intent, or because nothing was due."""
    before = before or deepcopy(invoice)
    paid = invoice["amount_due"]
    invoice.update(
        status="paid",
        attempted=True,
        amount_paid=paid,
        amount_remaining=0,
        auto_advance=False,
        next_payment_attempt=None,
        _due=None,
    )
    invoice["status_transitions"]["paid_at"] = store.now
    if payment_id := invoice.get("_payment"):
        payment = await store.get(payment_id, "invoice_payment")
        payment.update(status="paid", amount_paid=paid)
        payment["status_transitions"]["paid_at"] = store.now
        await store.put(payment)
        await store.emit("invoice_payment.paid", payment)
    await store.changed(before, invoice)
    await store.emit("invoice.paid", invoice)
    await store.emit("invoice.payment_succeeded", invoice)
    return invoice


async def close(store: Store, invoice: Body, status: str) -> Body:
    """Gives up an open invoice: ``void`` or ``uncollectible``. Raises ``ApiError`` 400 in any other state."""
    allowed = ("open",) if status == "uncollectible" else ("open", "uncollectible")
    if invoice["status"] not in allowed:
        raise invalid(f"You can only do this to an open invoice, not one that is {invoice['status']}.")
    before = deepcopy(invoice)
    invoice.update(status=status, next_payment_attempt=None, auto_advance=False, _due=None)
    marks = {"void": "voided", "uncollectible": "marked_uncollectible"}
    invoice["status_transitions"][f"{marks[status]}_at"] = store.now
    if status == "void":
        invoice["amount_remaining"] = 0
        await _give_back_balance(store, invoice)
        await _cancel_payment(store, invoice)
    return await store.changed(before, invoice, f"invoice.{marks[status]}")


async def _give_back_balance(store: Store, invoice: Body) -> None:
    """What a void invoice had taken from the customer's balance, or put on it."""
    moved = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    if not moved:
        return
    customer = await store.get(invoice["customer"], "customer")
    before = deepcopy(customer)
    customer["balance"] = (customer["balance"] or 0) - moved
    await store.changed(before, customer)


async def _cancel_payment(store: Store, invoice: Body) -> None:
    """Nobody can pay what is void any more."""
    intent = await store.find(invoice.get("_intent") or "", "payment_intent")
    if intent is None or intent["status"] in ("succeeded", "processing", "canceled"):
        return
    before = deepcopy(intent)
    intent.update(status="canceled", canceled_at=store.now, cancellation_reason="void_invoice")
    await store.changed(before, intent, "payment_intent.canceled")
    payment = await store.get(invoice["_payment"], "invoice_payment")
    payment["status"] = "canceled"
    payment["status_transitions"]["canceled_at"] = store.now
    await store.put(payment)
