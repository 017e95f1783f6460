"""The payout port: the ways to pay a creator. Transfers at the processor, or an operator's hand.

An order is committed as sending before it is given to its method, and it may be given again: under the same
key it is never paid twice. A method that pays later, or by people, says ``Handed``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from billing.money import Money
from billing.payouts.reach import Method
from billing.processor.port import PaymentProcessor
from billing.processor.transfers import Transfer

# Far more than two clocks differ by, far less than a list of transfers is long.
EARLIER = timedelta(hours=1)


@dataclass(frozen=True)
class Order:
    """One payout to be made. ``destination`` and ``source_charge_id`` are the processor's names."""

    id: UUID
    creator_id: UUID
    method: Method
    amount: Money
    destination: str | None
    source_charge_id: str | None
    attempt: int
    begun_at: datetime

    @property
    def idempotency_key(self) -> str:
        """The same for every try of an attempt; the processor keeps what it answered under it."""
        return f"tr:{self.id}" if self.attempt == 1 else f"tr:{self.id}:{self.attempt}"


@dataclass(frozen=True)
class Handed:
    """Accepted, and to be paid by somebody who will say so."""


class PayoutMethod(Protocol):
    """A way to pay. Raises ``ProcessorUnavailable`` when the outcome is unknown, ``ProcessorFailureKept``
    when it also needs another key, ``ProcessorRefused`` when nothing was paid."""

    async def pay(self, order: Order) -> Transfer | Handed:
        """Pays the order, or takes it over."""
        ...

    async def look_up(self, orders: Sequence[Order]) -> Mapping[UUID, Transfer]:
        """Which of ``orders`` (of one destination) were paid after all."""
        ...


class TransferPayouts:
    """Transfers from the platform's balance at the processor to the creator's account there."""

    def __init__(self, processor: PaymentProcessor) -> None:
        self._processor = processor

    async def pay(self, order: Order) -> Transfer:
        assert order.destination is not None, "a transfer has a destination"
        return await self._processor.create_transfer(
            amount=order.amount,
            destination=order.destination,
            source_charge_id=order.source_charge_id,
            # A transfer drawn on a charge takes the charge's group; Stripe refuses it another.
            transfer_group=None if order.source_charge_id else f"payout:{order.id}",
            metadata={"payout_id": str(order.id), "creator_id": str(order.creator_id)},
            idempotency_key=order.idempotency_key,
        )

    async def look_up(self, orders: Sequence[Order]) -> Mapping[UUID, Transfer]:
        [destination] = {order.destination for order in orders}
        assert destination is not None, "a transfer has a destination"
        since = min(order.begun_at for order in orders) - EARLIER
        made = await self._processor.list_transfers(destination=destination, since=since)
        ours = {str(order.id): order.id for order in orders}
        return {
            ours[transfer.metadata["payout_id"]]: transfer
            for transfer in made
            if transfer.metadata.get("payout_id") in ours
        }


class ManualPayouts:
    """An operator downloads what is open and pays it at a bank: see ``billing.payouts.manual``."""

    async def pay(self, order: Order) -> Handed:
        return Handed()

    async def look_up(self, orders: Sequence[Order]) -> Mapping[UUID, Transfer]:
        return {}
