"""Invoices: drafted, finalized, collected, voided; dunned when a card fails."""

from copy import deepcopy

from billing.sandbox.charging import attempt, new_intent
from billing.sandbox.config import DAY
from billing.sandbox.errors import invalid
from billing.sandbox.fees import least_charge
from billing.sandbox.shape import Body, build, list_of, new_id
from billing.sandbox.store import Store

GRACE = 3600
"""Seconds a renewal's invoice stays a draft, so that late usage still enters it."""

RETRIES = (3 * DAY, 5 * DAY, 7 * DAY)
"""When a failed renewal is tried again; then the subscription is canceled."""


def compute(
    store: Store, customer: Body, lines: list[Body], *, reason: str, currency: str, subscription: Body | None
) -> Body:
    """A draft invoice of these lines, not written."""
    id = new_id("in")
    parent = None
    if subscription is not None:
        parent = {
            "quote_details": None,
            "subscription_details": {
                "metadata": subscription["metadata"],
                "subscription": subscription["id"],
                "subscription_proration_date": None,
            },
            "type": "subscription_details",
        }
    invoice = build(
        "invoice",
        id=id,
        account_country=store.config.country,
        account_name="Sandbox",
        amount_overpaid=0,
        amount_paid=0,
        amount_paid_off_stripe=0,
        amount_shipping=0,
        attempt_count=0,
        attempted=False,
        auto_advance=True,
        automatic_tax={"disabled_reason": None, "enabled": False, "liability": None, "provider": None}
        | {"status": None},
        billing_reason=reason,
        collection_method="charge_automatically",
        created=store.now,
        currency=currency,
        customer=customer["id"],
        customer_address=customer["address"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        customer_phone=customer["phone"],
        customer_tax_exempt="none",
        customer_tax_ids=[],
        default_tax_rates=[],
        discounts=[],
        issuer={"type": "self"},
        lines=list_of([], f"/v1/invoices/{id}/lines"),
        livemode=False,
        metadata={},
        parent=parent,
        payment_settings={
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        post_payment_credit_notes_amount=0,
        pre_payment_credit_notes_amount=0,
        starting_balance=customer["balance"] or 0,
        status="draft",
        status_transitions=dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        test_clock=customer["test_clock"],
        _clock=customer["test_clock"],
    )
    set_lines(invoice, lines)
    invoice["period_start"] = invoice["period_end"] = store.now
    return invoice


def set_lines(invoice: Body, lines: list[Body]) -> None:
    """Puts the lines in, and the totals that follow from them and the customer's balance."""
    for one in lines:
        one["invoice"] = invoice["id"]
    total = sum(one["amount"] for one in lines)
    owed = total + invoice["starting_balance"]
    due = max(owed, 0)
    if 0 < due < least_charge(invoice["currency"]):
        due = 0  # too little to charge: it goes on the customer's balance, to the next invoice
    invoice["lines"]["data"] = lines
    invoice.update(
        amount_due=due,
        amount_remaining=due - invoice["amount_paid"],
        subtotal=total,
        subtotal_excluding_tax=total,
        total=total,
        total_discount_amounts=[],
        total_excluding_tax=total,
        total_pretax_credit_amounts=[],
        total_taxes=[],
        _balance_after=owed - due,
    )


async def finalize(store: Store, invoice: Body) -> Body:
    """Makes the draft open, or at once paid when nothing is due."""
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized.", code="invoice_not_editable")
    customer = await store.get(invoice["customer"], "customer")
    before = deepcopy(invoice)
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
        intent = await new_intent(
            store,
            invoice["amount_due"],
            invoice["currency"],
            customer=invoice["customer"],
            description="Subscription creation"
            if invoice["billing_reason"] == "subscription_create"
            else "Subscription update",
            setup_future_usage="off_session",
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
    store: Store, invoice: Body, method: Body | None, *, off_session: bool, authenticated: bool = False
) -> Body:
    """Tries to have the open invoice paid. ``past`` tells the retries; the outcome is in ``status``."""
    if invoice["status"] != "open":
        return invoice
    intent = await store.get(invoice["_intent"], "payment_intent")
    before = deepcopy(invoice)
    invoice.update(attempted=True, attempt_count=invoice["attempt_count"] + 1)
    if method is not None:
        intent = await attempt(store, intent, method, off_session=off_session, authenticated=authenticated)
    if intent["status"] == "succeeded":
        return await mark_paid(store, invoice, before)
    await _schedule_retry(store, invoice)
    await store.changed(before, invoice)
    error = intent["last_payment_error"] or {}
    if intent["status"] == "requires_action" or error.get("code") == "authentication_required":
        await store.emit("invoice.payment_action_required", invoice)
    if intent["status"] != "requires_action":
        await store.emit("invoice.payment_failed", invoice)
    return invoice


async def _schedule_retry(store: Store, invoice: Body) -> None:
    """Only what renews by itself is tried again by itself."""
    tried = invoice["attempt_count"]
    again = invoice["billing_reason"] == "subscription_cycle" and tried <= len(RETRIES)
    invoice["next_payment_attempt"] = store.now + RETRIES[tried - 1] if again else None
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
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"You can only do this to an open invoice, not one that is {invoice['status']}.")
    before = deepcopy(invoice)
    invoice.update(status=status, next_payment_attempt=None, auto_advance=False, _due=None)
    marks = {"void": "voided", "uncollectible": "marked_uncollectible"}
    invoice["status_transitions"][f"{marks[status]}_at"] = store.now
    if status == "void":
        invoice["amount_remaining"] = 0
    return await store.changed(before, invoice, f"invoice.{marks[status]}")
