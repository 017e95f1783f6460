"""What the books ask of the processor: everything that ever moved the platform's balance."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class BalanceLine:
    """One balance transaction, minor units: ``net`` = ``amount`` − ``fee`` is how far the balance moved.

    ``type`` is the processor's word. ``source_id`` is the charge, refund, transfer, … it is of, None for a
    fee of no object.
    """

    id: str
    type: str
    source_id: str | None
    currency: str
    amount: int
    fee: int
    net: int
    created_at: datetime


class BalanceHistory(Protocol):
    """The part of the port that reads the balance."""

    async def list_balance_lines(
        self, *, since: datetime, after: str | None
    ) -> tuple[list[BalanceLine], str | None]:
        """A page of what moved the balance from ``since`` on, newest first, from below the id ``after``;
        and where the next page begins, None on the last."""
        ...
