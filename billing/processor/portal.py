"""What is asked of a payment processor so that customers look after what they pay with.

Errors are those of ``port``.
"""

from typing import Protocol


class CustomerPortal(Protocol):
    """A part of ``PaymentProcessor``."""

    async def open_portal(self, customer_id: str, *, return_url: str, idempotency_key: str) -> str:
        """The address of a hosted page of this customer's: cards, invoices, ending what runs.

        It serves for minutes, and whoever has it may use it.
        """
        ...
