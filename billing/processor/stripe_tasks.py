"""What an event of Stripe's asks us to look at. Its payload names the object; the state is always fetched."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from billing.processor import stripe_snapshots as snapshots
from billing.processor.inbox import StoredEvent
from billing.processor.port import SubscriptionSnapshot

Look = Literal[
    "checkout",
    "subscription",
    "invoice",
    "payment",
    "refunds",
    "account",
    "disconnected",
    "transfer",
    "bank_payout",
    "dispute",
    "fraud_warning",
    "meter_problem",
]


@dataclass(frozen=True)
class Task:
    """Look at this object. Events with equal tasks are worked together: one look answers them all."""

    look: Look
    object_id: str
    account: str | None = None
    """The connected account it is of, where that is not the platform."""


INVOICE_SETTLED = frozenset(
    {
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice.voided",
        "invoice.marked_uncollectible",
    }
)


def task_of(event: StoredEvent) -> Task | None:
    """None for what changes nothing here: it is kept, and that is all."""
    subject = _subject(event)
    family, _, _ = event.type.rpartition(".")
    match family:
        case "checkout.session":
            return _task("checkout", subject.get("id"))
        case "customer.subscription":
            return _task("subscription", subject.get("id"))
        case "subscription_schedule":
            managed = subject.get("subscription") or subject.get("released_subscription")
            return _task("subscription", snapshots.reference(managed))
        case "invoice" if event.type in INVOICE_SETTLED:
            return _task("invoice", subject.get("id"))
        case "invoice":
            parent = (subject.get("parent") or {}).get("subscription_details") or {}
            if (parent.get("metadata") or {}).get("kind") == "contract":
                return _task("invoice", subject.get("id"))
            return _task("subscription", snapshots.reference(parent.get("subscription")))
        case "invoice_payment" if event.type == "invoice_payment.paid":
            return _task("invoice", snapshots.reference(subject.get("invoice")))
        case "payment_intent" if event.type == "payment_intent.succeeded":
            return _task("payment", subject.get("id"))
        case "charge" if event.type == "charge.refunded":
            return _task("refunds", subject.get("id"))
        case "refund" | "charge.refund":
            return _task("refunds", snapshots.reference(subject.get("charge")))
        case "charge.dispute":
            return _task("dispute", subject.get("id"))
        case "radar.early_fraud_warning":
            return _task("fraud_warning", subject.get("id"))
        case "account" if event.type == "account.updated":
            return _task("account", subject.get("id"))
        case "capability":
            return _task("account", snapshots.reference(subject.get("account")))
        case "account.application" if event.type == "account.application.deauthorized":
            return _task("disconnected", event.account)
        case "transfer":
            return _task("transfer", subject.get("id"))
        case "payout":
            return _task("bank_payout", subject.get("id"), event.account)
        case "v1.billing.meter":
            return _task("meter_problem", event.id)
        case _:
            return None


def tombstone(event: StoredEvent) -> SubscriptionSnapshot | None:
    """The subscription as the event had it: all there is to know once Stripe has forgotten it."""
    subject = _subject(event)
    return snapshots.subscription(subject) if subject.get("object") == "subscription" else None


def _task(look: Look, object_id: object, account: str | None = None) -> Task | None:
    return Task(look, object_id, account) if isinstance(object_id, str) else None


def _subject(event: StoredEvent) -> Mapping[str, Any]:
    body = json.loads(event.raw) if event.raw else {}
    data = body.get("data")
    subject = data.get("object") if isinstance(data, Mapping) else None
    return subject if isinstance(subject, Mapping) else {}
