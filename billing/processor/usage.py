"""What is asked of a payment processor about usage it was told of, and about invoices of usage.

Errors are those of ``port``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class MeterProblem:
    """Meter events that were taken and not counted. ``samples`` are some of their identifiers, each with the
    processor's word for what was wrong with it."""

    samples: Mapping[str, str]
    count: int
    summary: str


class ReportedUsage(Protocol):
    """A part of ``PaymentProcessor``. Hours begin on the UTC hour."""

    async def find_meters(self) -> Mapping[str, str]:
        """The ids of the meters in use, by meter name."""
        ...

    async def sum_usage(self, *, meter_id: str, customer_id: str, start: datetime, end: datetime) -> int:
        """What the meter counted for the customer in ``[start, end)``, both on the hour."""
        ...

    async def list_usage(
        self, *, meter_id: str, customer_id: str, start: datetime, end: datetime
    ) -> Mapping[datetime, int]:
        """The same by hour; an hour in which nothing was counted is absent."""
        ...

    async def read_meter_problem(self, event_id: str) -> MeterProblem:
        """What a thin event about a meter is about."""
        ...

    async def hold_draft(self, invoice_id: str, *, until: datetime, idempotency_key: str) -> None:
        """Keeps a draft invoice open for late usage until then. One that is a draft no more is left alone."""
        ...

    async def create_invoice_item(
        self,
        *,
        customer_id: str,
        amount: int,
        currency: str,
        description: str,
        period: tuple[datetime, datetime],
        metadata: Mapping[str, str],
        idempotency_key: str,
    ) -> str:
        """Puts an amount, tax included, on the customer's next invoice; returns the item's id."""
        ...

    async def bill_items(
        self, *, customer_id: str, currency: str, metadata: Mapping[str, str], idempotency_key: str
    ) -> str:
        """Puts the customer's waiting items on an invoice of their own, which is then charged; its id."""
        ...

    async def find_invoice_item(self, *, customer_id: str, name: str, value: str) -> str | None:
        """The customer's item with this metadata, for when it is not known whether it was made."""
        ...
