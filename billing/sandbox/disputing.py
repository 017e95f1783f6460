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


async def open_dispute(store: Store, charge: Body) -> Body:
    """The buyer's bank takes the charge back, with a fee. Raises ``ApiError`` 400 when it cannot."""
    left = charge["amount"] - charge["amount_refunded"]
    if charge["status"] != "succeeded" or charge["disputed"] or left == 0:
        raise invalid(f"The charge {charge['id']} cannot be disputed.", param="charge")
    id = new_id("du")
    taken = await book(
        store,
        amount=-left,
        currency=charge["currency"],
        fee=rounded(minor_units(FEE_USD, charge["currency"])),
        type="adjustment",
        category="dispute",
        source=id,
        description=f"Chargeback withdrawal for {charge['id']}",
    )
    dispute = build(
        "dispute",
        id=id,
        amount=left,
        balance_transactions=[taken],
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
        is_charge_refundable=False,
        livemode=False,
        metadata={},
        payment_intent=charge["payment_intent"],
        payment_method_details={
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "chargeback",
                "network": charge["payment_method_details"]["card"]["network"],
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        reason="fraudulent",
        status="needs_response",
    )
    before = deepcopy(charge)
    charge.update(disputed=True, _dispute_open=True)
    await store.changed(before, charge)
    await store.created(dispute)
    await store.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


async def submit(store: Store, dispute: Body) -> Body:
    """The evidence goes to the bank. Stripe's test words decide at once, as they do there."""
    _open_only(dispute)
    before = deepcopy(dispute)
    dispute["status"] = "under_review"
    details: Any = dispute["evidence_details"]
    details.update(has_evidence=True, submission_count=details["submission_count"] + 1)
    details["submission_method"] = "manual"
    await store.changed(before, dispute)
    verdict = {"winning_evidence": "won", "losing_evidence": "lost"}
    decided = verdict.get(dispute["evidence"]["uncategorized_text"])
    return await decide(store, dispute, decided) if decided else dispute


async def decide(store: Store, dispute: Body, status: str) -> Body:
    """``won`` gives the money back but not the fee; ``lost`` leaves it taken."""
    if status not in ("won", "lost"):
        raise invalid("A dispute is won or lost.", param="status")
    _open_only(dispute)
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
    charge["_dispute_open"] = False
    await store.put(charge)
    await store.changed(before, dispute, "charge.dispute.closed")
    if status == "won":
        await store.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def _open_only(dispute: Body) -> None:
    if dispute["status"] in ("won", "lost"):
        raise invalid("This dispute is already closed.")
