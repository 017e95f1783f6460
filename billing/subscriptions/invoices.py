"""What was paid for a subscription, invoice by invoice, as its holder sees it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from billing.subscriptions.tables import sale


@dataclass(frozen=True)
class PaidInvoice:
    """``tax`` is in ``price``; ``refunded`` is what was given back of it. The period is what it paid for."""

    id: UUID
    plan_id: UUID | None
    price: Money
    tax: Money
    refunded: Money
    period_start: datetime | None
    period_end: datetime | None
    paid_at: datetime


async def list_paid(
    session: AsyncSession | AsyncConnection, *, subscription_id: UUID, before: UUID | None, limit: int
) -> list[PaidInvoice]:
    """Newest first, from below ``before``."""
    query = sa.select(sale).where(sale.c.subscription_id == subscription_id)
    if before is not None:
        query = query.where(sale.c.id < before)
    return [
        PaidInvoice(
            id=row.id,
            plan_id=row.plan_id,
            price=Money(row.amount, row.currency),
            tax=Money(row.tax, row.currency),
            refunded=Money(row.refunded, row.currency),
            period_start=row.period_start,
            period_end=row.period_end,
            paid_at=row.paid_at,
        )
        for row in await session.execute(query.order_by(sale.c.id.desc()).limit(limit))
    ]
