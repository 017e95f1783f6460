"""Draft invoices: their lines, their taxes, and the totals that follow."""

from billing.sandbox import taxing
from billing.sandbox.fees import least_charge
from billing.sandbox.shape import Body, build, list_of, new_id
from billing.sandbox.store import Store
from billing.sandbox.taxing import Place


def compute(
    store: Store,
    customer: Body,
    lines: list[Body],
    *,
    reason: str,
    currency: str,
    subscription: Body | None,
    automatic_tax: bool | None = None,
) -> Body:
    """A draft invoice of these lines, not written; taxed as ``automatic_tax`` or the subscription says."""
    id = new_id("in")
    taxed = automatic_tax
    parent = None
    if subscription is not None:
        taxed = subscription["automatic_tax"]["enabled"] if taxed is None else taxed
        parent = {
            "quote_details": None,
            "subscription_details": {
                "metadata": subscription["metadata"],
                "subscription": subscription["id"],
                "subscription_proration_date": None,
            },
            "type": "subscription_details",
        }
    place = taxing.place_of(store, customer)
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
        automatic_tax={"disabled_reason": None, **taxing.settings(enabled=bool(taxed))},
        billing_reason=reason,
        collection_method="charge_automatically",
        created=store.now,
        currency=currency,
        customer=customer["id"],
        customer_address=customer["address"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        customer_phone=customer["phone"],
        customer_tax_exempt=customer["tax_exempt"],
        customer_tax_ids=[
            {"type": one["type"], "value": one["value"]} for one in customer.get("_tax_ids", [])
        ],
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
        _place=[place.country, place.exempt] if taxed else None,
    )
    set_lines(invoice, lines)
    invoice["period_start"] = invoice["period_end"] = store.now
    return invoice


def set_lines(invoice: Body, lines: list[Body]) -> None:
    """Puts the lines in, their taxes, and the totals that follow from them and the customer's balance."""
    place = Place(*invoice["_place"]) if invoice.get("_place") else None
    for one in lines:
        one["invoice"] = invoice["id"]
        one["taxes"] = []
        if place is not None:
            tax = taxing.tax_on(one["amount"], one.get("_behavior", "inclusive"), place)
            one["taxes"] = [tax.entry()]
    taxes = [tax for one in lines for tax in one["taxes"]]
    within = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "inclusive")
    on_top = sum(tax["amount"] for tax in taxes if tax["tax_behavior"] == "exclusive")
    subtotal = sum(one["amount"] for one in lines)
    total = subtotal + on_top
    owed = total + invoice["starting_balance"]
    due = max(owed, 0)
    if 0 < due < least_charge(invoice["currency"]):
        due = 0  # too little to charge: it goes on the customer's balance, to the next invoice
    invoice["lines"]["data"] = lines
    invoice.update(
        amount_due=due,
        amount_remaining=due - invoice["amount_paid"],
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal - within,
        total=total,
        total_discount_amounts=[],
        total_excluding_tax=total - within - on_top,
        total_pretax_credit_amounts=[],
        total_taxes=taxing.total(taxes),
        _balance_after=owed - due,
    )
