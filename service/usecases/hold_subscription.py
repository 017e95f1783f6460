"""A subscription is held while it is changed: nobody else writes about it, and it was fetched just before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from billing.plans import catalog
from billing.processor import inbox, intents
from billing.processor.inbox import Lane
from billing.processor.port import ProcessorRefused, SubscriptionSnapshot
from billing.subscriptions import changes
from billing.subscriptions.changes import ChangeFact, Status
from billing.subscriptions.projecting import SubscriptionFact, SubscriptionNotFound
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.hold_lane import lane_held
from service.usecases.settle_subscription import write_subscription


@dataclass
class HeldSubscription:
    """``fact`` and ``snapshot`` are of the last look. Each method raises ``ProcessorRefused``,
    ``ProcessorUnavailable`` and ``LaneLost``, and has written what came of it when it returns."""

    context: Context
    lane: Lane
    fact: SubscriptionFact
    snapshot: SubscriptionSnapshot

    async def write(self, snapshot: SubscriptionSnapshot) -> None:
        """Keeps what the processor answered."""
        written = await write_subscription(self.context, snapshot, lane=self.lane)
        if not isinstance(written, SubscriptionFact):
            raise SubscriptionNotFound("There is no such subscription.")
        self.fact, self.snapshot = written, snapshot

    async def look(self) -> None:
        """Fetches it again."""
        await self.write(await self.context.payments.retrieve_subscription(self.snapshot.id))

    async def change(self) -> ChangeFact | None:
        """Its open change."""
        async with self.context.database.reading() as connection:
            return (await changes.open_of(connection, [self.fact.id])).get(self.fact.id)

    async def release(self) -> None:
        """Takes it off its schedule, if it is on one: it stays as it is."""
        if self.snapshot.schedule_id is not None:
            await self.context.payments.release_schedule(
                self.snapshot.schedule_id, idempotency_key=f"release:{new_id()}"
            )
            await self.look()

    async def let_end(self, ends: bool) -> None:
        """Lets it end with its period, or go on. What manages its end is taken off first."""
        await self.release()
        await self.write(
            await self.context.payments.set_cancel_at_period_end(
                self.snapshot.id, ends, idempotency_key=f"cancel:{new_id()}"
            )
        )

    async def move(self, change_id: UUID, price_id: UUID, *, prorate: bool, key: str) -> None:
        """Changes it to the price now; with ``prorate`` the difference is charged, and the change waits for
        that to be paid."""
        await self.release()
        stripe_price_id = await self._price(price_id)
        try:
            snapshot = await self.context.payments.change_price(
                self.snapshot.id,
                self.fact.stripe_item_id,
                stripe_price_id,
                prorate=prorate,
                idempotency_key=key,
            )
        except ProcessorRefused as refused:
            await self._refused(change_id, refused)
            raise
        async with self.context.database.transaction() as session:
            await intents.done(session, change_id, result_id=snapshot.latest_invoice_id or snapshot.id)
        await self.write(snapshot)

    async def schedule(self, change_id: UUID, price_id: UUID, *, key: str) -> None:
        """Has it renew at the price."""
        stripe_price_id = await self._price(price_id)
        try:
            made = await self.context.payments.schedule_price(
                self.snapshot.id, self.snapshot.schedule_id, stripe_price_id, idempotency_key=key
            )
        except ProcessorRefused as refused:
            await self._refused(change_id, refused)
            raise
        async with self.context.database.transaction() as session:
            await inbox.guard(session, self.lane)
            await changes.scheduled(
                session, change_id, schedule_id=made.schedule_id, effective_at=made.effective_at
            )
            await intents.done(session, change_id, result_id=made.schedule_id)

    async def close(self, change_id: UUID, status: Status) -> None:
        """The change has come to its end."""
        async with self.context.database.transaction() as session:
            await inbox.guard(session, self.lane)
            await changes.move(session, change_id, status)
            await intents.refused(session, change_id, error=status)

    async def _price(self, price_id: UUID) -> str:
        async with self.context.database.reading() as connection:
            found = (await catalog.prices(connection, [price_id]))[price_id].stripe_price_id
        assert found is not None, "a price that somebody may have is known to the processor"
        return found

    async def _refused(self, change_id: UUID, refused: ProcessorRefused) -> None:
        async with self.context.database.transaction() as session:
            await inbox.guard(session, self.lane)
            await changes.move(session, change_id, "refused")
            await intents.refused(session, change_id, error=str(refused))


@asynccontextmanager
async def subscription_held(context: Context, known: SubscriptionFact) -> AsyncIterator[HeldSubscription]:
    """The subscription, looked at just now. Raises ``LaneBusy``, ``SubscriptionNotFound``,
    ``ProcessorUnavailable`` and ``ProcessorObjectMissing``."""
    async with lane_held(context, known.stripe_customer_id) as lane:
        snapshot = await context.payments.retrieve_subscription(known.stripe_subscription_id)
        held = HeldSubscription(context, lane, known, snapshot)
        await held.write(snapshot)
        yield held
