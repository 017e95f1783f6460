"""Disputes: money taken back by a buyer's bank, and fought for."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

from billing.sandbox.booking import book
from billing.sandbox.config import DAY
from billing.sandbox.errors import invalid
from billing.sandbox.fees import minor_units, rounded
from billing.sandbox.shape import Body, build, new_id
from billing.sandbox.store import Store

FEE_USD = Decimal(15)
"""What the bank's claim costs, won or lost."""

EVIDENCE = (
    *("access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure"),
    *("cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name"),
    *("customer_purchase_ip", "customer_signature", "duplicate_charge_documentation"),
    *("duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt"),
    *("refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "service_date"),
    *("service_documentation", "shipping_address", "shipping_carrier", "shipping_date"),
    *("shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text"),
)


REASONS = (
    *("credit_not_processed", "duplicate", "fraudulent", "general", "product_not_received"),
    *("product_unacceptable", "subscription_canceled", "unrecognized"),
)
INQUIRY = ("warning_needs_response", "warning_under_review")
DECIDED = ("won", "lost", "warning_closed")


async def open_dispute(
    store: Store,
    charge: Body,
    *,
    inquiry: bool = False,
    amount: int | None = None,
    reason: str = "fraudulent",
) -> Body:
    """The buyer's bank takes the charge back (or ``amount`` of it), with a fee.

    An ``inquiry`` only asks, and takes nothing yet. Raises ``ApiError`` 400 when it cannot.
    """
    left = charge["amount"] - charge["amount_refunded"]
    wanted = left if amount is None else amount
    if charge["status"] != "succeeded" or charge["disputed"] or not 0 < wanted <= left:
        raise invalid(f"The charge {charge['id']} cannot be disputed.", param="charge")
    if reason not in REASONS:
        raise invalid(f"Not a reason the sandbox knows: {reason}", param="reason")
    id = new_id("du")
    dispute = build(
        "dispute",
        id=id,
        amount=wanted,
        balance_transactions=[],
        charge=charge["id"],
        created=store.now,
        currency=charge["currency"],
        enhanced_eligibility_types=[],
        evidence={**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        evidence_details={
            "due_by": store.now + 7 * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        is_charge_refundable=inquiry,
        livemode=False,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details=_method(charge, inquiry=inquiry),
        reason=reason,
        status="warning_needs_response" if inquiry else "needs_response",
    )
    before = deepcopy(charge)
    charge["disputed"] = True
    await store.changed(before, charge)
    if inquiry:
        return await store.created(dispute)
    await _withdraw(store, dispute, charge)
    await store.created(dispute)
    await store.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def _method(charge: Body, *, inquiry: bool) -> Body | None:
    card = charge["payment_method_details"].get("card")
    if card is None:
        return None
    shown = {key: card[key] for key in ("brand", "network")}
    case = "inquiry" if inquiry else "chargeback"
    return {"card": {**shown, "case_type": case, "network_reason_code": "10.4"}, "type": "card"}


async def _withdraw(store: Store, dispute: Body, charge: Body) -> None:
    taken = await book(
        store,
        amount=-dispute["amount"],
        currency=dispute["currency"],
        fee=rounded(minor_units(FEE_USD, dispute["currency"])),
        type="adjustment",
        category="dispute",
        source=dispute["id"],
        description=f"Chargeback withdrawal for {charge['id']}",
    )
    dispute["balance_transactions"].append(taken)
    charge["_charged_back"] = dispute["amount"]
    await store.put(charge)


async def escalate(store: Store, dispute: Body) -> Body:
    """An inquiry becomes a chargeback. Raises ``ApiError`` 400 for what is none."""
    if dispute["status"] not in INQUIRY:
        raise invalid("Only an inquiry can be escalated.", param="status")
    charge = await store.get(dispute["charge"], "charge")
    before = deepcopy(dispute)
    dispute.update(status="needs_response", is_charge_refundable=False)
    dispute["payment_method_details"] = _method(charge, inquiry=False)
    await _withdraw(store, dispute, charge)
    await store.changed(before, dispute)
    await store.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


async def submit(store: Store, dispute: Body) -> Body:
    """The evidence goes to the bank. Stripe's test words decide at once, as they do there."""
    _open_only(dispute)
    before = deepcopy(dispute)
    asked = dispute["status"] in INQUIRY
    dispute["status"] = "warning_under_review" if asked else "under_review"
    details: Any = dispute["evidence_details"]
    details.update(has_evidence=True, submission_count=details["submission_count"] + 1)
    details["submission_method"] = "manual"
    await store.changed(before, dispute)
    verdict = {"winning_evidence": "won", "losing_evidence": "lost"}
    decided = verdict.get(dispute["evidence"]["uncategorized_text"])
    if decided and asked:  # an inquiry that is answered well is closed; one that is not becomes a chargeback
        return await (
            decide(store, dispute, "warning_closed") if decided == "won" else escalate(store, dispute)
        )
    return await decide(store, dispute, decided) if decided else dispute


async def decide(store: Store, dispute: Body, status: str) -> Body:
    """``won`` gives the money back but not the fee; ``lost`` leaves it taken.

    ``warning_closed`` ends an inquiry. Raises ``ApiError`` 400 for a word that does not fit the dispute.
    """
    fits = ("warning_closed",) if dispute["status"] in INQUIRY else ("won", "lost")
    _open_only(dispute)
    if status not in fits:
        raise invalid(f"This dispute can become {' or '.join(fits)}.", param="status")
    before = deepcopy(dispute)
    charge = await store.get(dispute["charge"], "charge")
    if status == "won":
        given = await book(
            store,
            amount=dispute["amount"],
            currency=dispute["currency"],
            type="adjustment",
            category="dispute_reversal",
            source=dispute["id"],
            description=f"Chargeback reversal for {charge['id']}",
        )
        dispute["balance_transactions"].append(given)
    dispute["status"] = status
    if status == "won":
        charge["_charged_back"] = 0
        await store.put(charge)
    await store.changed(before, dispute, "charge.dispute.closed")
    if status == "won":
        await store.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def _open_only(dispute: Body) -> None:
    if dispute["status"] in DECIDED:
        raise invalid("This dispute is already closed.")
