"""What a subscription is to become: another plan, now or with its next period, or another price of its own.

At most one change of a subscription is open. A change is kept before the processor is asked, and what has
come of it is read off the subscription as it was fetched. A reader's own change takes the place of a
creator's price change, which comes back when the reader's is taken back or fails.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.processor.port import SubscriptionSnapshot
from billing.subscriptions.projecting import ENDED, SubscriptionFact
from billing.subscriptions.tables import plan_change, subscription

Kind = Literal["upgrade", "downgrade", "reprice"]
Status = Literal[
    "asking", "unpaid", "pending", "scheduled", "applied", "canceled", "refused", "expired", "superseded"
]
OPEN = frozenset({"asking", "unpaid", "pending", "scheduled"})
CAME_TO_NOTHING = frozenset({"canceled", "refused", "expired"})
RUNNING = ("active", "trialing")


@dataclass(frozen=True)
class ChangeFact:
    """``not_before`` is when a price change may come at the earliest, ``effective_at`` when the processor
    was told to make the change."""

    id: UUID
    subscription_id: UUID
    kind: Kind
    plan_id: UUID
    price_id: UUID
    status: Status
    not_before: datetime | None
    effective_at: datetime | None
    stripe_schedule_id: str | None
    told_at: datetime | None

    def is_due(self, of: SubscriptionFact) -> bool:
        """Whether the processor is to be told: the next renewal is the first after the notice."""
        return (
            self.status == "pending"
            and self.told_at is not None
            and self.not_before is not None
            and of.status in RUNNING
            and not of.cancel_at_period_end
            and of.current_period_end is not None
            and of.current_period_end >= self.not_before
        )


def seen(
    change: ChangeFact, *, ended: bool, price_id: UUID, waits_for: UUID | None, schedule_id: str | None
) -> Status:
    """What has become of the change, by what its subscription was seen to be.

    ``waits_for`` is the price it changes to once an invoice is paid, ``schedule_id`` what manages it.
    """
    if price_id == change.price_id:
        return "applied"
    if ended:
        return "canceled"
    match change.status:
        case "asking" if waits_for == change.price_id:
            return "unpaid"
        case "unpaid" if waits_for != change.price_id:
            return "expired"
        case "scheduled" if schedule_id != change.stripe_schedule_id:
            # Taken off its schedule, as when it was to end with its period: a price change waits on.
            return "pending" if change.kind == "reprice" else "canceled"
        case _:
            return change.status


async def follow(
    session: AsyncSession,
    *,
    subscribed: SubscriptionFact,
    snapshot: SubscriptionSnapshot,
    waits_for: UUID | None,
) -> ChangeFact | None:
    """Brings the open change to what was fetched, and returns it as it is then; None when there was none."""
    change = (await open_of(session, [subscribed.id])).get(subscribed.id)
    if change is None:
        return None
    status = seen(
        change,
        ended=subscribed.status in ENDED,
        price_id=subscribed.price_id,
        waits_for=waits_for,
        schedule_id=snapshot.schedule_id,
    )
    return change if status == change.status else await move(session, change.id, status)


async def open_of(
    session: AsyncSession | AsyncConnection, subscription_ids: Collection[UUID]
) -> dict[UUID, ChangeFact]:
    """The open change of each of the subscriptions that has one."""
    query = sa.select(plan_change).where(
        plan_change.c.subscription_id.in_(subscription_ids), plan_change.c.status.in_(OPEN)
    )
    return {row.subscription_id: _fact(row) for row in await session.execute(query)}


async def begin(
    session: AsyncSession,
    *,
    id: UUID,
    subscription_id: UUID,
    kind: Literal["upgrade", "downgrade"],
    plan_id: UUID,
    price_id: UUID,
) -> None:
    """Keeps what the processor is about to be asked, in place of a price change that was open."""
    mine = plan_change.c.subscription_id == subscription_id
    standing = sa.select(plan_change.c.id).where(mine, plan_change.c.status.in_(OPEN))
    await session.execute(
        sa.update(plan_change)
        .where(mine, plan_change.c.superseded_by.in_(standing.scalar_subquery()))
        .values(superseded_by=id)
    )
    await session.execute(
        sa.update(plan_change)
        .where(mine, plan_change.c.status.in_(OPEN))
        .values(status="superseded", superseded_by=id, finished_at=sa.func.zhihao_now())
    )
    await session.execute(
        sa.insert(plan_change).values(
            id=id,
            subscription_id=subscription_id,
            kind=kind,
            plan_id=plan_id,
            price_id=price_id,
            status="asking",
        )
    )


async def scheduled(session: AsyncSession, id: UUID, *, schedule_id: str, effective_at: datetime) -> None:
    """The processor makes the change at ``effective_at``."""
    await session.execute(
        sa.update(plan_change)
        .where(plan_change.c.id == id, plan_change.c.status.in_(OPEN))
        .values(status="scheduled", stripe_schedule_id=schedule_id, effective_at=effective_at)
    )


async def dated(session: AsyncSession, id: UUID, effective_at: datetime) -> None:
    """The change is made now, and charged from ``effective_at`` on."""
    await session.execute(
        sa.update(plan_change).where(plan_change.c.id == id).values(effective_at=effective_at)
    )


async def move(session: AsyncSession, id: UUID, status: Status) -> ChangeFact:
    """The change is ``status`` now. One that came to nothing lets back in what it had superseded."""
    values: dict[str, Any] = {"status": status}
    if status not in OPEN:
        values["finished_at"] = sa.func.zhihao_now()
    if status == "pending":
        values |= {"stripe_schedule_id": None, "effective_at": None}
    row = await session.execute(
        sa.update(plan_change).where(plan_change.c.id == id).values(**values).returning(plan_change)
    )
    moved = _fact(row.one())
    if status in CAME_TO_NOTHING and moved.kind != "reprice":
        await _restore(session, by=id)
    return moved


async def unsettled(session: AsyncSession, *, older_than: datetime, limit: int) -> list[UUID]:
    """Subscriptions with a change that somebody must see to: a price change whose time has come, or
    something that was asked of the processor before ``older_than`` with no answer kept."""
    due = sa.and_(
        plan_change.c.status == "pending",
        plan_change.c.told_at.is_not(None),
        subscription.c.status.in_(RUNNING),
        sa.not_(subscription.c.cancel_at_period_end),
        subscription.c.current_period_end >= plan_change.c.not_before,
    )
    cut_off = sa.and_(plan_change.c.status == "asking", plan_change.c.created_at < older_than)
    query = (
        sa.select(plan_change.c.subscription_id)
        .join(subscription, subscription.c.id == plan_change.c.subscription_id)
        .where(sa.or_(due, cut_off))
        .order_by(plan_change.c.id)
        .limit(limit)
    )
    return list((await session.execute(query)).scalars())


async def _restore(session: AsyncSession, *, by: UUID) -> None:
    """Opens the price change that ``by`` took the place of, if its subscription goes on."""
    stands = sa.exists().where(
        subscription.c.id == plan_change.c.subscription_id, subscription.c.status.not_in(ENDED)
    )
    await session.execute(
        sa.update(plan_change)
        .where(
            plan_change.c.superseded_by == by,
            plan_change.c.kind == "reprice",
            plan_change.c.status == "superseded",
            stands,
        )
        .values(
            status="pending", superseded_by=None, stripe_schedule_id=None, effective_at=None, finished_at=None
        )
    )


def _fact(row: sa.Row[Any]) -> ChangeFact:
    values = row._mapping
    return ChangeFact(**{name: values[name] for name in ChangeFact.__dataclass_fields__})
