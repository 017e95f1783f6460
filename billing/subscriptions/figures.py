"""What a creator's selling comes to: trials, conversions, monthly recurring revenue, churn."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money, allocate
from billing.plans.tables import plan, plan_price
from billing.subscriptions.tables import subscription

RENEWING = ("active", "past_due")
WHOLE_BPS = 10_000


@dataclass(frozen=True)
class SellingFigures:
    """``trials``, ``conversions`` (first paid within the time) and ``churned`` count subscriptions begun,
    turned paid and ended in it; ``subscribers`` and ``mrr`` are of now. ``churn_bps`` is churned among those
    there were, in basis points."""

    trials: int
    conversions: int
    subscribers: int
    churned: int
    churn_bps: int
    mrr: list[Money]


async def figures_of(
    session: AsyncSession | AsyncConnection,
    knowledge_base_ids: Sequence[UUID],
    *,
    start: datetime,
    end: datetime,
) -> SellingFigures:
    """Of these knowledge bases, in ``[start, end)``."""
    rows = await session.execute(
        sa.text(
            """
            SELECT
              count(*) FILTER (WHERE status IN ('active', 'trialing', 'past_due')) AS subscribers,
              count(*) FILTER (
                WHERE trial_end IS NOT NULL AND started_at >= :start AND started_at < :end
              ) AS trials,
              count(*) FILTER (WHERE paid.first >= :start AND paid.first < :end) AS conversions,
              count(*) FILTER (
                WHERE paid.first IS NOT NULL AND ended_at >= :start AND ended_at < :end
              ) AS churned,
              count(*) FILTER (
                WHERE paid.first < :start AND (ended_at IS NULL OR ended_at >= :start)
              ) AS standing
            FROM subscription LEFT JOIN LATERAL (
              SELECT min(paid_at) AS first FROM sale WHERE subscription_id = subscription.id
            ) AS paid ON true
            WHERE knowledge_base_id = ANY (:ids)
            """
        ),
        {"start": start, "end": end, "ids": list(knowledge_base_ids)},
    )
    row = rows.one()
    there_were = row.standing + row.conversions
    return SellingFigures(
        trials=row.trials,
        conversions=row.conversions,
        subscribers=row.subscribers,
        churned=row.churned,
        churn_bps=row.churned * WHOLE_BPS // there_were if there_were else 0,
        mrr=await _monthly_revenue(session, knowledge_base_ids),
    )


async def _monthly_revenue(
    session: AsyncSession | AsyncConnection, knowledge_base_ids: Sequence[UUID]
) -> list[Money]:
    """What subscriptions that renew come to a month, at the prices they were bought at; a year is twelve."""
    rows = await session.execute(
        sa.select(plan_price.c.currency, plan.c.interval, sa.func.sum(plan_price.c.amount))
        .select_from(subscription)
        .join(plan_price, plan_price.c.id == subscription.c.price_id)
        .join(plan, plan.c.id == plan_price.c.plan_id)
        .where(
            subscription.c.knowledge_base_id.in_(knowledge_base_ids),
            subscription.c.status.in_(RENEWING),
            sa.not_(subscription.c.cancel_at_period_end),
        )
        .group_by(plan_price.c.currency, plan.c.interval)
    )
    monthly: defaultdict[str, int] = defaultdict(int)
    for currency, interval, amount in rows:
        monthly[currency] += allocate(int(amount), [1] * 12)[0] if interval == "year" else int(amount)
    return [Money(monthly[currency], currency) for currency in sorted(monthly)]
