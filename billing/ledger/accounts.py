"""The chart of accounts, as code. ``billing/README.md`` explains each.

A balance above zero is a debit: something the platform has, or has spent. Below zero is a credit: something
it owes, or has earned.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid5

Kind = Literal[
    "stripe_balance",  # what is in the platform's balance at the processor
    "tax_payable",  # tax collected, owed to the state
    "platform_revenue",  # the platform's take
    "processor_fees",  # the platform's share of what the processor keeps
    "bank",  # what left the processor for a bank account of the platform's, or was paid from one
    "suspense",  # moved at the processor by hand, to or from nobody known here
    "creator_earned",  # a creator's share of sales, less tax
    "creator_fees",  # the creator's share of what the processor keeps
    "creator_refunded",  # the creator's share of what was given back
    "creator_paid",  # what was transferred to the creator
]

_NAMESPACE = UUID("6f1d5a5c-6d2f-5b9e-9a53-0f7c9f0f6b11")


@dataclass(frozen=True)
class Account:
    """One account of the ledger. ``owner_id`` is the creator's, or None for the platform's own."""

    kind: Kind
    currency: str
    owner_id: UUID | None = None

    @property
    def id(self) -> UUID:
        """The same for everybody, so that locks can be taken in one order before anything is read."""
        return uuid5(_NAMESPACE, f"{self.kind}:{self.owner_id or 'platform'}:{self.currency}")
