"""Stripe's objects, as plain dictionaries, into the port's snapshots. Reads API version 2026-10-28.endive."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from billing.money import Money
from billing.processor.port import (
    Charge,
    CheckoutSnapshot,
    InvoiceLine,
    InvoiceSnapshot,
    ProcessorAccount,
    SubscriptionSnapshot,
)

Object = Mapping[str, Any]


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _maybe(seconds: int | None) -> datetime | None:
    return None if seconds is None else moment(seconds)


def reference(value: Any) -> str | None:
    """The id of what may be absent, an id, or an expanded object."""
    if isinstance(value, Mapping):
        return str(value["id"])
    return None if value is None else str(value)


def _metadata(stripe: Object) -> dict[str, str]:
    return dict(stripe.get("metadata") or {})


def checkout(session: Object) -> CheckoutSnapshot:
    intent = session.get("payment_intent")
    payment = intent.get("status") if isinstance(intent, Mapping) else None
    status = session.get("status") or "open"
    return CheckoutSnapshot(
        id=session["id"],
        url=session.get("url"),
        mode=session["mode"],
        status=status,
        payment_status=session["payment_status"],
        metadata=_metadata(session),
        customer_id=reference(session.get("customer")),
        subscription_id=reference(session.get("subscription")),
        payment_intent_id=reference(intent),
        expires_at=_maybe(session.get("expires_at")),
        tax=(session.get("total_details") or {}).get("amount_tax") or 0,
        failed=status == "complete" and payment in {"requires_payment_method", "canceled"},
    )


def subscription(stripe: Object) -> SubscriptionSnapshot:
    items = stripe["items"]["data"]
    latest = stripe.get("latest_invoice")
    waiting = (stripe.get("pending_update") or {}).get("subscription_items") or ()
    first = items[0] if items else {}
    return SubscriptionSnapshot(
        id=stripe["id"],
        customer_id=str(reference(stripe["customer"])),
        status=stripe["status"],
        price_ids=tuple(str(reference(item["price"])) for item in items),
        item_ids=tuple(item["id"] for item in items),
        started_at=moment(stripe["start_date"]),
        # Moved from the subscription to its items in 2025.
        current_period_start=_maybe(first.get("current_period_start")),
        current_period_end=_maybe(first.get("current_period_end")),
        cancel_at_period_end=bool(stripe.get("cancel_at_period_end")),
        canceled_at=_maybe(stripe.get("canceled_at")),
        ended_at=_maybe(stripe.get("ended_at")),
        trial_end=_maybe(stripe.get("trial_end")),
        latest_invoice_id=reference(latest),
        metadata=_metadata(stripe),
        schedule_id=reference(stripe.get("schedule")),
        pending_price_id=reference(waiting[0]["price"]) if waiting else None,
        latest_invoice=invoice(latest) if isinstance(latest, Mapping) else None,
    )


def charge(stripe: Object) -> Charge | None:
    """None until the money has moved: not succeeded, or its balance transaction not there yet."""
    balance = stripe.get("balance_transaction")
    if stripe["status"] != "succeeded" or not isinstance(balance, Mapping):
        return None
    rate = balance.get("exchange_rate")
    return Charge(
        id=stripe["id"],
        payment_intent_id=reference(stripe.get("payment_intent")),
        balance_transaction_id=balance["id"],
        presented=Money(stripe["amount"], stripe["currency"]),
        settled=Money(balance["amount"], balance["currency"]),
        fee=balance["fee"],
        exchange_rate=None if rate is None else Decimal(str(rate)),
        refunded=stripe.get("amount_refunded") or 0,
        paid_at=moment(stripe["created"]),
        customer_id=reference(stripe.get("customer")),
        metadata=_metadata(stripe),
    )


def invoice(stripe: Object) -> InvoiceSnapshot:
    parent = (stripe.get("parent") or {}).get("subscription_details") or {}
    return InvoiceSnapshot(
        id=stripe.get("id"),
        customer_id=reference(stripe.get("customer")),
        subscription_id=reference(parent.get("subscription")),
        status=stripe.get("status"),
        currency=stripe["currency"],
        total=stripe["total"],
        tax=sum(tax["amount"] for tax in stripe.get("total_taxes") or ()),
        amount_due=stripe["amount_due"],
        amount_paid=stripe["amount_paid"],
        period_start=moment(stripe["period_start"]),
        period_end=moment(stripe["period_end"]),
        lines=tuple(_invoice_line(line) for line in stripe["lines"]["data"]),
        metadata=dict(parent.get("metadata") or {}) | _metadata(stripe),
        hosted_url=stripe.get("hosted_invoice_url"),
        next_attempt_at=_maybe(stripe.get("next_payment_attempt")),
        reason=stripe.get("billing_reason"),
        attempted=bool(stripe.get("attempted")),
        finalizes_at=_maybe(stripe.get("automatically_finalizes_at")),
        finalized_at=_maybe((stripe.get("status_transitions") or {}).get("finalized_at")),
    )


def _invoice_line(line: Object) -> InvoiceLine:
    pricing = (line.get("pricing") or {}).get("price_details") or {}
    return InvoiceLine(
        description=line.get("description") or "",
        amount=line["amount"],
        quantity=line.get("quantity"),
        price_id=reference(pricing.get("price")),
        period_start=moment(line["period"]["start"]),
        period_end=moment(line["period"]["end"]),
        item_id=reference(((line.get("parent") or {}).get("invoice_item_details") or {}).get("invoice_item")),
    )


def account(stripe: Object) -> ProcessorAccount:
    requirements = stripe.get("requirements") or {}
    capabilities = stripe.get("capabilities") or {}
    return ProcessorAccount(
        id=stripe["id"],
        country=stripe.get("country"),
        details_submitted=bool(stripe.get("details_submitted")),
        transfers_enabled=capabilities.get("transfers") == "active",
        payouts_enabled=bool(stripe.get("payouts_enabled")),
        disabled_reason=requirements.get("disabled_reason"),
        requirements=tuple(requirements.get("currently_due") or ()),
        metadata=_metadata(stripe),
    )
