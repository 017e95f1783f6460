"""What is asked of a payment processor about money given back. Errors are those of ``port``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from billing.money import Money


@dataclass(frozen=True)
class BalanceMovement:
    """One balance transaction: ``moved`` is what came into the balance (below zero: left it) before ``fee``.

    ``fee`` is what the processor keeps beside it; below zero it was given back.
    """

    id: str
    moved: Money
    fee: int
    at: datetime


@dataclass(frozen=True)
class Refund:
    """``status`` in Stripe's words. ``left`` is what left the platform's balance, in the settlement currency,
    None while nothing did; ``returned`` is what came back into it, because the refund failed."""

    id: str
    charge_id: str
    status: str
    presented: Money
    left: BalanceMovement | None
    returned: BalanceMovement | None
    failure_reason: str | None
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


class Refunds(Protocol):
    """The part of ``PaymentProcessor`` that gives money back."""

    async def list_refunds(self, charge_id: str) -> list[Refund]:
        """Every refund of a charge, oldest first."""
        ...

    async def create_refund(
        self, charge_id: str, *, amount: int | None, metadata: Mapping[str, str], idempotency_key: str
    ) -> Refund:
        """Gives back ``amount`` of the presented currency, or all that is left."""
        ...
