"""Which payouts their creator has not been written to about."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.money import Money


@dataclass(frozen=True)
class Told:
    """``payouts`` of them came to ``amount``."""

    newest_id: UUID
    amount: Money
    payouts: int
    paid_at: datetime


async def untold(session: AsyncSession, creator_id: UUID) -> list[Told]:
    """By currency, what was paid and not told; told from now on."""
    rows = await session.execute(_UNTOLD, {"creator_id": creator_id})
    return [
        Told(row.newest_id, Money(int(row.amount), row.currency), row.payouts, row.paid_at) for row in rows
    ]


_UNTOLD = sa.text(
    """
    WITH told AS (
      UPDATE payout SET told_at = zhihao_now()
      WHERE creator_id = :creator_id AND status = 'paid' AND amount > 0 AND told_at IS NULL
      RETURNING id, amount, currency, paid_at
    )
    SELECT (array_agg(id ORDER BY id DESC))[1] AS newest_id, currency, sum(amount) AS amount,
      count(*) AS payouts, max(paid_at) AS paid_at
    FROM told GROUP BY currency ORDER BY currency
    """
)
