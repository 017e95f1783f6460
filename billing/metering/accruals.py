"""Shares of metered calls on their way to creators: accruing, until the invoice they are on is paid.

An invoice is paid for all usage of its organization in its period: the sale that was recorded for it names
the period, and what lies in it accrues no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.metering.tables import usage_event, usage_share
from billing.money import Money


@dataclass(frozen=True)
class Accrued:
    """What an organization's usage of a period was billed at, and of that each creator's share."""

    billed: int
    shares: Mapping[UUID, int]


async def accrued_in(
    session: AsyncSession, *, organization_id: UUID, start: datetime, end: datetime
) -> Accrued:
    """Of usage in ``[start, end)``, in minor units of the metered prices' currency."""
    within = (
        usage_share.c.organization_id == organization_id,
        usage_share.c.at >= start,
        usage_share.c.at < end,
    )
    rows = await session.execute(
        sa.select(usage_share.c.creator_id, sa.func.sum(usage_share.c.accrued))
        .where(*within)
        .group_by(usage_share.c.creator_id)
    )
    shares = {creator_id: int(amount) for creator_id, amount in rows}
    billed = await session.scalar(
        sa.select(sa.func.sum(usage_event.c.amount)).where(
            usage_event.c.organization_id == organization_id,
            usage_event.c.at >= start,
            usage_event.c.at < end,
        )
    )
    return Accrued(int(billed or 0), shares)


async def accruing_of(session: AsyncSession | AsyncConnection, creator_id: UUID) -> list[Money]:
    """What will be the creator's when the invoices are paid, by currency."""
    rows = await session.execute(_ACCRUING, {"creator_id": creator_id})
    return [Money(int(row.amount), row.currency) for row in rows]


_ACCRUING = sa.text(
    """
    SELECT currency, sum(accrued) AS amount FROM usage_share
    WHERE creator_id = :creator_id AND NOT EXISTS (
      SELECT FROM sale WHERE sale.kind = 'metered' AND sale.organization_id = usage_share.organization_id
        AND usage_share.at >= sale.period_start AND usage_share.at < sale.period_end
    )
    GROUP BY currency HAVING sum(accrued) <> 0 ORDER BY currency
    """
)
