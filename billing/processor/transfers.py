"""What payouts ask of the processor: transfers to creators' accounts, their reversals, payouts to banks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from billing.money import Money


@dataclass(frozen=True)
class TransferReversal:
    """Money taken back from a creator's account into the platform's balance."""

    id: str
    transfer_id: str
    amount: Money
    created_at: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Transfer:
    """Money moved from the platform's balance to ``destination``. ``reversals`` are oldest first."""

    id: str
    amount: Money
    destination: str
    source_charge_id: str | None
    created_at: datetime
    reversals: tuple[TransferReversal, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BankPayout:
    """From a balance at the processor to a bank account. ``status`` in Stripe's words.

    ``left`` is when it left the balance, None while it has not; ``returned`` is when it came back, if it did.
    """

    id: str
    amount: Money
    fee: int
    status: str
    failure_code: str | None
    arrives_at: datetime | None
    created_at: datetime
    left: datetime | None
    returned: datetime | None
    returned_amount: int = 0


class Transfers(Protocol):
    """The part of ``PaymentProcessor`` that pays creators. Errors as in ``billing.processor.port``."""

    async def create_transfer(
        self,
        *,
        amount: Money,
        destination: str,
        source_charge_id: str | None,
        transfer_group: str | None,
        metadata: Mapping[str, str],
        idempotency_key: str,
    ) -> Transfer:
        """Drawn on ``source_charge_id``, it needs no available balance. ``ProcessorRefused`` with the code
        ``balance_insufficient`` when there is not enough."""
        ...

    async def retrieve_transfer(self, transfer_id: str) -> Transfer:
        """With all of its reversals."""
        ...

    async def list_transfers(self, *, destination: str, since: datetime) -> list[Transfer]:
        """Every transfer to ``destination`` made from ``since`` on, without reversals."""
        ...

    async def reverse_transfer(
        self, transfer_id: str, *, amount: int, metadata: Mapping[str, str], idempotency_key: str
    ) -> TransferReversal:
        """Takes ``amount`` minor units of a transfer back. ``ProcessorRefused`` when they cannot be had."""
        ...

    async def retrieve_bank_payout(self, payout_id: str, *, account: str | None) -> BankPayout:
        """A payout of the platform's, or of the connected ``account``'s."""
        ...
