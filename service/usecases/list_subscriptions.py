"""A reader sees the subscriptions they have and had, and what was paid for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.money import Money
from billing.plans import catalog
from billing.subscriptions import changes, invoices, projecting
from billing.subscriptions.changes import Kind
from billing.subscriptions.invoices import PaidInvoice as PaidInvoice
from billing.subscriptions.projecting import SubscriptionFact as SubscriptionFact
from service.usecases.context import Context


@dataclass(frozen=True)
class PendingChange:
    """What a subscription is to become. ``effective_at`` is when, once that is certain; a price change comes
    with the first renewal after ``not_before``; an upgrade that waits to be paid has neither."""

    kind: Kind
    plan_id: UUID
    price: Money
    effective_at: datetime | None
    not_before: datetime | None


@dataclass(frozen=True)
class ShownSubscription:
    """``status`` in Stripe's words: trialing, active, past_due, unpaid, canceled, incomplete, paused.

    ``price`` is what it renews at, unless ``pending_change`` says otherwise; ``pending_plan_id`` is the plan
    it changes to. While something is due, ``payment_url`` is where to pay it, ``next_payment_at`` when it is
    tried again by itself, and ``grace_until`` when access ends if it stays unpaid.
    """

    id: UUID
    knowledge_base_id: UUID
    plan_id: UUID
    price: Money | None
    status: str
    started_at: datetime
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    pending_plan_id: UUID | None
    pending_change: PendingChange | None
    payment_url: str | None
    next_payment_at: datetime | None
    grace_until: datetime | None


async def list_subscriptions(
    context: Context, *, account_id: UUID, before: UUID | None, limit: int
) -> list[ShownSubscription]:
    """Newest first, from below the id ``before``."""
    async with context.database.reading() as connection:
        found = await projecting.list_of(connection, account_id=account_id, before=before, limit=limit)
        return await _shown(context, connection, found)


async def read_subscription(context: Context, *, id: UUID, account_id: UUID) -> ShownSubscription:
    """Raises ``SubscriptionNotFound``."""
    async with context.database.reading() as connection:
        found = await projecting.find(connection, id=id, account_id=account_id)
        return (await _shown(context, connection, [found]))[0]


async def list_invoices(
    context: Context, *, subscription_id: UUID, account_id: UUID, before: UUID | None, limit: int
) -> list[PaidInvoice]:
    """What was paid for one of one's own, newest first. Raises ``SubscriptionNotFound``."""
    async with context.database.reading() as connection:
        await projecting.find(connection, id=subscription_id, account_id=account_id)
        return await invoices.list_paid(
            connection, subscription_id=subscription_id, before=before, limit=limit
        )


async def _shown(
    context: Context, connection: AsyncConnection, facts: Sequence[SubscriptionFact]
) -> list[ShownSubscription]:
    pending = await changes.open_of(connection, [fact.id for fact in facts])
    wanted = {fact.price_id for fact in facts} | {change.price_id for change in pending.values()}
    prices = await catalog.prices(connection, wanted)
    grace = timedelta(days=context.settings.grace_days)
    shown = []
    for fact in facts:
        change = pending.get(fact.id)
        bought = prices.get(fact.price_id)
        late = fact.past_due_since if fact.status == "past_due" else None
        shown.append(
            ShownSubscription(
                id=fact.id,
                knowledge_base_id=fact.knowledge_base_id,
                plan_id=fact.plan_id,
                price=bought.price if bought else None,
                status=fact.status,
                started_at=fact.started_at,
                current_period_start=fact.current_period_start,
                current_period_end=fact.current_period_end,
                trial_end=fact.trial_end,
                cancel_at_period_end=fact.cancel_at_period_end,
                canceled_at=fact.canceled_at,
                ended_at=fact.ended_at,
                pending_plan_id=change.plan_id if change and change.plan_id != fact.plan_id else None,
                pending_change=None
                if change is None
                else PendingChange(
                    kind=change.kind,
                    plan_id=change.plan_id,
                    price=prices[change.price_id].price,
                    effective_at=change.effective_at,
                    not_before=change.not_before,
                ),
                payment_url=fact.payment_url,
                next_payment_at=fact.next_payment_at,
                grace_until=late + grace if late else None,
            )
        )
    return shown
