"""The types of events, and what each says. A new one is a line here."""

from dataclasses import dataclass
from typing import Literal

Audience = Literal["creator", "organization"]


@dataclass(frozen=True)
class EventType:
    """``data`` names the fields; one ending in ``?`` may be null."""

    type: str
    audience: tuple[Audience, ...]
    description: str
    data: tuple[str, ...] = ()


_CREATOR: tuple[Audience, ...] = ("creator",)
_ORGANIZATION: tuple[Audience, ...] = ("organization",)
_SUBSCRIPTION = (
    "id",
    "knowledge_base_id",
    "plan_id",
    "status",
    "current_period_end?",
    "trial_end?",
    "cancel_at_period_end",
    "started_at",
    "ended_at?",
)
_INVOICE = ("id", "status", "total", "amount_due", "amount_paid", "period_start", "period_end", "hosted_url?")

_REQUEST = ("id", "sale_id", "kind", "paid", "reason", "status", "created_at")
_REFUND = ("id", "sale_id", "amount", "status", "reason", "failure_reason?", "created_at")
_DISPUTE = ("id", "sale_id", "status", "reason", "amount", "evidence_due_by?", "opened_at", "closed_at?")

EVENT_TYPES: tuple[EventType, ...] = (
    EventType("subscription.created", _CREATOR, "Somebody subscribed, or began a trial.", _SUBSCRIPTION),
    EventType("subscription.updated", _CREATOR, "Status, plan, period or renewal changed.", _SUBSCRIPTION),
    EventType("subscription.ended", _CREATOR, "It grants nothing any more.", _SUBSCRIPTION),
    EventType(
        "sale.created",
        _CREATOR,
        "A payment succeeded: a period, a pass or a tip.",
        (
            "id",
            "kind",
            "knowledge_base_id?",
            "plan_id?",
            "subscription_id?",
            "tip_id?",
            "price",
            "earned",
            "paid_at",
        ),
    ),
    EventType(
        "tip.received",
        _CREATOR,
        "A tip was paid.",
        ("id", "sale_id", "knowledge_base_id?", "price", "message?", "paid_at"),
    ),
    EventType("refund.requested", _CREATOR, "A reader asks for money back.", _REQUEST),
    EventType(
        "refund.request_closed", _CREATOR, "A request was declined, or withdrawn by its reader.", _REQUEST
    ),
    EventType("refund.created", _CREATOR, "Money was given back, or is about to be.", _REFUND),
    EventType("refund.updated", _CREATOR, "A refund that was pending is done.", _REFUND),
    EventType("refund.failed", _CREATOR, "A refund did not reach its receiver.", _REFUND),
    EventType(
        "dispute.created", _CREATOR, "A reader's bank disputes a payment; its sale is frozen.", _DISPUTE
    ),
    EventType("dispute.updated", _CREATOR, "A dispute goes on.", _DISPUTE),
    EventType("dispute.closed", _CREATOR, "A dispute was won or lost.", _DISPUTE),
    EventType("payout.created", _CREATOR, "Money is on its way to the creator."),
    EventType("payout.updated", _CREATOR, "A payout changed."),
    EventType("payout.paid", _CREATOR, "A payout arrived."),
    EventType("payout.failed", _CREATOR, "A payout came back."),
    EventType(
        "knowledge_base.published", _CREATOR, "On sale from now on.", ("id", "slug", "status", "visibility")
    ),
    EventType(
        "knowledge_base.unpublished", _CREATOR, "Sold no more.", ("id", "slug", "status", "visibility")
    ),
    EventType(
        "import.finished",
        _CREATOR,
        "Every entry of an import is ready or failed.",
        ("id", "knowledge_base_id", "status", "total", "done", "failed"),
    ),
    EventType(
        "contract.activated", _ORGANIZATION, "Metered calls are admitted.", ("organization_id", "status")
    ),
    EventType("contract.ended", _ORGANIZATION, "They are admitted no more.", ("organization_id", "status")),
    EventType(
        "key.created", _ORGANIZATION, "An API key was made.", ("id", "name", "prefix", "scopes", "created_by")
    ),
    EventType(
        "key.rotated", _ORGANIZATION, "An API key has a new secret.", ("id", "name", "prefix", "rotated_by")
    ),
    EventType("key.revoked", _ORGANIZATION, "An API key works no more.", ("id", "revoked_by")),
    EventType(
        "usage.alert",
        _ORGANIZATION,
        "Spending passed a mark of a cap: the organization's, or that of the key named.",
        ("key_id?", "month", "percent", "cap", "spent"),
    ),
    EventType("invoice.paid", _ORGANIZATION, "A metered invoice was paid.", _INVOICE),
    EventType("invoice.payment_failed", _ORGANIZATION, "A metered invoice could not be collected.", _INVOICE),
)

TEST = "webhook.test"
"""What an endpoint is sent to try it, whatever it listens for."""

TYPES = {each.type: each for each in EVENT_TYPES}


def types_for(audience: Audience) -> list[EventType]:
    """The types that a creator's, or an organization's, endpoints can hear of."""
    return [each for each in EVENT_TYPES if audience in each.audience]
