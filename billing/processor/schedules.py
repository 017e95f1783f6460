"""What is asked of a payment processor about changes of subscriptions that come later, or wait to be paid.

Errors are those of ``port``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Scheduled:
    """The schedule that now manages the subscription, and when it changes the price."""

    schedule_id: str
    effective_at: datetime


class ScheduledChanges(Protocol):
    """A part of ``PaymentProcessor``."""

    async def schedule_price(
        self, subscription_id: str, schedule_id: str | None, price_id: str, *, idempotency_key: str
    ) -> Scheduled:
        """Has the subscription renew at another price, with nothing to pay or give back before.

        ``schedule_id`` is the schedule it has, if it has one: what that would have done gives way. May be
        asked again with another key.
        """
        ...

    async def release_schedule(self, schedule_id: str, *, idempotency_key: str) -> None:
        """Lets the subscription go on as it is now. A schedule that has come to its end stays ended."""
        ...

    async def void_invoice(self, invoice_id: str, *, idempotency_key: str) -> None:
        """Gives up an open invoice, and a change that waited for it to be paid. Others are left alone."""
        ...
