"""Payouts that were committed are asked for, and what became of them is committed: never both at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import structlog

from billing.payouts import outcomes
from billing.payouts.port import Handed, ManualPayouts, Order, PayoutMethod, TransferPayouts
from billing.payouts.reach import Method
from billing.processor.port import ProcessorFailureKept, ProcessorRefused, ProcessorUnavailable
from service.platform.database import zhihao_now
from service.usecases.context import Context
from service.usecases.record_transfer import record_transfer

log = structlog.get_logger(__name__)


def methods_of(context: Context) -> Mapping[Method, PayoutMethod]:
    return {"transfer": TransferPayouts(context.payments), "manual": ManualPayouts()}


@dataclass
class Sending:
    """One run's way to the payout methods; it is ``over`` when they do not answer."""

    context: Context
    unknown: int = 0
    _seats: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._seats = asyncio.Semaphore(self.context.settings.payout_concurrency)

    @property
    def over(self) -> bool:
        return self.unknown >= self.context.settings.payout_unknown_max

    async def send(self, orders: Sequence[Order]) -> None:
        """Asks for each; whose outcome stays unknown is looked up by a later run before it is asked again."""
        await asyncio.gather(*(self._send(order) for order in orders))

    async def _send(self, order: Order) -> None:
        async with self._seats:
            if not self.over:
                await self._pay(order)

    async def _pay(self, order: Order) -> None:
        context = self.context
        try:
            outcome = await methods_of(context)[order.method].pay(order)
        except ProcessorUnavailable as error:
            self.unknown += 1
            log.warning("payout.unknown", payout=str(order.id), error=str(error))
            if isinstance(error, ProcessorFailureKept):
                async with context.database.transaction() as session:
                    await outcomes.failure_kept(session, order)
            return
        except ProcessorRefused as refused:
            reason = refused.code or str(refused)
            log.warning("payout.refused", payout=str(order.id), reason=reason)
            async with context.database.transaction() as session:
                await outcomes.put_off(session, order, reason=reason, now=await zhihao_now(session))
            return
        async with context.database.transaction() as session:
            if isinstance(outcome, Handed):
                await outcomes.handed(session, order)
            else:
                await record_transfer(session, outcome)


async def look_up(context: Context, orders: Sequence[Order], *, now: datetime, clock: datetime) -> None:
    """Finds out what became of orders that were cut off; those not made may be tried again at ``now``."""
    for (method, destination), same in groupby(orders, key=lambda order: (order.method, order.destination)):
        asked = list(same)
        try:
            made = await methods_of(context)[method].look_up(asked)
        except ProcessorUnavailable as error:
            log.warning("payouts.not_looked_up", destination=destination, error=str(error))
            continue
        async with context.database.transaction() as session:
            for transfer in made.values():
                await record_transfer(session, transfer)
            missing = [order for order in asked if order.id not in made]
            await outcomes.not_made(session, missing, now=now, clock=clock)
