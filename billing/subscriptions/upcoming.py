"""Subscriptions that will charge their holders soon."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.plans.tables import plan
from billing.subscriptions.projecting import SubscriptionFact, fact
from billing.subscriptions.tables import subscription


@dataclass(frozen=True)
class Upcoming:
    """A subscription, and when it charges next."""

    subscription: SubscriptionFact
    at: datetime
    interval: Literal["month", "year"]


async def upcoming(
    session: AsyncSession | AsyncConnection,
    *,
    status: Literal["active", "trialing"],
    intervals: Collection[str],
    within: timedelta,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Upcoming]:
    """Those of plans of the ``intervals`` whose period ends ``within`` the time given and that renew.

    The soonest first, beyond the end and id ``after``.
    """
    ends, now = subscription.c.current_period_end, sa.func.zhihao_now()
    query = (
        sa.select(subscription, plan.c.interval.label("interval"))
        .join(plan, plan.c.id == subscription.c.plan_id)
        .where(
            subscription.c.status == status,
            sa.not_(subscription.c.cancel_at_period_end),
            plan.c.interval.in_(intervals),
            ends > now,
            ends <= now + within,
        )
        .order_by(ends, subscription.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(sa.tuple_(ends, subscription.c.id) > sa.tuple_(*map(sa.literal, after)))
    return [Upcoming(fact(row), row.current_period_end, row.interval) for row in await session.execute(query)]
