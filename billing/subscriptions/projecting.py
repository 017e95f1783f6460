"""Subscriptions, as the processor says they are.

What was fetched is written over what was known: order and doubling of events do not matter. Two things only
are our own: an ended subscription never comes back, and grace counts from when a failed payment was first
seen.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.processor.port import InvoiceSnapshot, SubscriptionSnapshot
from billing.subscriptions.references import Reference
from billing.subscriptions.tables import subscription

ENDED = frozenset({"canceled", "incomplete_expired"})
UNPAID = frozenset({"past_due", "unpaid"})
LIVE = frozenset({"active", "trialing", "past_due", "unpaid", "paused"})
"""Not ended, and begun: another subscription beside one of these would be a second."""


class SubscriptionNotFound(Exception):
    """There is no such subscription of this account."""


class AlreadySubscribed(Exception):
    """The account has a subscription to this knowledge base, running or to be paid."""


@dataclass(frozen=True)
class SubscriptionFact:
    """``status`` in Stripe's words. ``payment_url`` is where its holder can pay what is due, and
    ``next_payment_at`` when the processor tries again by itself; both None when nothing is due."""

    id: UUID
    account_id: UUID
    knowledge_base_id: UUID
    plan_id: UUID
    price_id: UUID
    status: str
    started_at: datetime
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    past_due_since: datetime | None
    payment_url: str | None
    next_payment_at: datetime | None
    creator_id: UUID
    stripe_subscription_id: str
    stripe_customer_id: str
    stripe_item_id: str
    ref: str | None


async def project(
    session: AsyncSession,
    *,
    id: UUID,
    reference: Reference,
    snapshot: SubscriptionSnapshot,
    plan: tuple[UUID, UUID] | None,
    ref: str | None,
    due: InvoiceSnapshot | None = None,
) -> SubscriptionFact:
    """Writes what was fetched; ``id`` is for a subscription seen for the first time.

    ``plan`` is the plan and price (ids) that the snapshot's price belongs to, when it is known; ``due`` the
    invoice that waits to be paid, if one does.
    """
    plan_id, price_id = plan or (reference.plan_id, reference.price_id)
    observed = {
        "plan_id": plan_id,
        "price_id": price_id,
        "status": snapshot.status,
        "started_at": snapshot.started_at,
        "current_period_start": snapshot.current_period_start,
        "current_period_end": snapshot.current_period_end,
        "trial_end": snapshot.trial_end,
        "cancel_at_period_end": snapshot.cancel_at_period_end,
        "canceled_at": snapshot.canceled_at,
        "ended_at": snapshot.ended_at,
        "payment_url": due.hosted_url if due else None,
        "next_payment_at": due.next_attempt_at if due else None,
    }
    now = sa.func.zhihao_now()
    unpaid = snapshot.status in UNPAID
    made = insert(subscription).values(
        id=id,
        account_id=reference.account_id,
        knowledge_base_id=reference.knowledge_base_id,
        creator_id=reference.creator_id,
        checkout_id=reference.intent_id,
        ref=ref,
        stripe_subscription_id=snapshot.id,
        stripe_customer_id=snapshot.customer_id,
        stripe_item_id=snapshot.item_ids[0] if snapshot.item_ids else "",
        past_due_since=now if unpaid else None,
        **observed,
    )
    await session.execute(
        made.on_conflict_do_update(
            constraint="subscription_stripe_unique",
            set_={
                **observed,
                "stripe_item_id": made.excluded.stripe_item_id,
                "past_due_since": sa.func.coalesce(subscription.c.past_due_since, now) if unpaid else None,
                "updated_at": now,
            },
            where=subscription.c.status.not_in(ENDED),
        )
    )
    row = await session.execute(
        sa.select(subscription).where(subscription.c.stripe_subscription_id == snapshot.id)
    )
    return fact(row.one())


async def known(session: AsyncSession, stripe_subscription_id: str) -> SubscriptionFact | None:
    """What is known of the processor's subscription; nobody else writes it until the transaction ends.

    Two who see it for the first time come one after the other too.
    """
    query = sa.select(subscription).where(subscription.c.stripe_subscription_id == stripe_subscription_id)
    row = (await session.execute(query.with_for_update())).one_or_none()
    if row is None:
        lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
        await session.execute(lock, {"key": f"subscription:{stripe_subscription_id}"})
        row = (await session.execute(query.with_for_update())).one_or_none()
    return None if row is None else fact(row)


async def find(
    session: AsyncSession | AsyncConnection, *, id: UUID, account_id: UUID, lock: bool = False
) -> SubscriptionFact:
    """The account's subscription. Raises ``SubscriptionNotFound``."""
    query = sa.select(subscription).where(subscription.c.id == id, subscription.c.account_id == account_id)
    row = (await session.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise SubscriptionNotFound("There is no such subscription.")
    return fact(row)


async def get(session: AsyncSession | AsyncConnection, id: UUID) -> SubscriptionFact:
    """Anybody's. Raises ``SubscriptionNotFound``."""
    row = (await session.execute(sa.select(subscription).where(subscription.c.id == id))).one_or_none()
    if row is None:
        raise SubscriptionNotFound("There is no such subscription.")
    return fact(row)


async def live_of(
    session: AsyncSession | AsyncConnection, *, account_id: UUID, knowledge_base_id: UUID
) -> list[SubscriptionFact]:
    """The account's subscriptions to the knowledge base that have begun and not ended, oldest first."""
    query = sa.select(subscription).where(
        subscription.c.account_id == account_id,
        subscription.c.knowledge_base_id == knowledge_base_id,
        subscription.c.status.in_(LIVE),
    )
    return [
        fact(row)
        for row in await session.execute(query.order_by(subscription.c.started_at, subscription.c.id))
    ]


async def ever_of(
    session: AsyncSession | AsyncConnection, *, account_id: UUID, knowledge_base_id: UUID
) -> bool:
    """Whether the account has, or ever had, a subscription to the knowledge base: one that began."""
    query = sa.exists().where(
        subscription.c.account_id == account_id,
        subscription.c.knowledge_base_id == knowledge_base_id,
        subscription.c.status.not_in(["incomplete", "incomplete_expired"]),
    )
    return bool(await session.scalar(sa.select(query)))


async def renewing(
    session: AsyncSession | AsyncConnection, knowledge_base_id: UUID
) -> list[SubscriptionFact]:
    """The subscriptions to the knowledge base that would renew."""
    query = sa.select(subscription).where(
        subscription.c.knowledge_base_id == knowledge_base_id,
        subscription.c.status.in_(LIVE),
        sa.not_(subscription.c.cancel_at_period_end),
    )
    return [fact(row) for row in await session.execute(query.order_by(subscription.c.id))]


async def list_of(
    session: AsyncSession | AsyncConnection, *, account_id: UUID, before: UUID | None, limit: int
) -> list[SubscriptionFact]:
    """The account's subscriptions, newest first, from below ``before``."""
    query = sa.select(subscription).where(subscription.c.account_id == account_id)
    if before is not None:
        query = query.where(subscription.c.id < before)
    return [fact(row) for row in await session.execute(query.order_by(subscription.c.id.desc()).limit(limit))]


def fact(row: sa.Row[Any]) -> SubscriptionFact:
    values = row._mapping
    return SubscriptionFact(**{name: values[name] for name in SubscriptionFact.__dataclass_fields__})
