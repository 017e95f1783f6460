"""What is asked of a payment processor about payments that buyers dispute. Errors are those of ``port``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from billing.money import Money
from billing.processor.refunds import BalanceMovement


@dataclass(frozen=True)
class Dispute:
    """``status`` and ``reason`` in Stripe's words; ``movements`` are the money taken and given back, as it
    moved: none while the bank only inquires. ``refundable``: a refund would still end it."""

    id: str
    charge_id: str
    status: str
    reason: str
    disputed: Money
    refundable: bool
    evidence_due_by: datetime | None
    has_evidence: bool
    movements: tuple[BalanceMovement, ...]
    opened_at: datetime


@dataclass(frozen=True)
class FraudWarning:
    """A card issuer believes a charge to be fraud. ``actionable``: neither disputed nor refunded yet."""

    id: str
    charge_id: str
    fraud_type: str
    actionable: bool
    warned_at: datetime


class Disputes(Protocol):
    """The part of ``PaymentProcessor`` that fights for money."""

    async def retrieve_dispute(self, dispute_id: str) -> Dispute: ...

    async def send_evidence(
        self, dispute_id: str, *, text: str, submit: bool, idempotency_key: str
    ) -> Dispute:
        """Keeps the text with the dispute in place of an earlier one, and with ``submit`` hands it to the
        bank, after which nothing can be added."""
        ...

    async def retrieve_fraud_warning(self, warning_id: str) -> FraudWarning: ...
