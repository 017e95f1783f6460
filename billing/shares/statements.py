"""What a creator is told of shares: by month, knowledge base and meter, where each minor unit of them is.

What calls accrued is limited, or pending, or written off with an invoice that was never paid, or shared with
one that was: ``accrued = own + concentrated + pending + written_off + shared``. What paid invoices gave is
allocated: less than shared where less was paid, and in the currency they settled in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from billing.shares.tables import pool_reading, pool_share

Reader = AsyncSession | AsyncConnection


@dataclass(frozen=True)
class ShareSum:
    """One knowledge base's of one meter and month. Minor units of ``currency``.

    ``own`` and ``concentrated`` are the limits: calls of an organization of the creator's own, and what one
    organization gave beyond what it may.
    """

    month: date
    knowledge_base_id: UUID
    meter: str
    currency: str
    units: int
    accrued: int
    own: int
    concentrated: int
    pending: int
    written_off: int
    shared: int


@dataclass(frozen=True)
class AllocatedSum:
    """What payments gave for one knowledge base, meter and month of usage, in the settlement currency."""

    month: date
    knowledge_base_id: UUID
    meter: str
    currency: str
    amount: int
    fees: int


@dataclass(frozen=True)
class PoolAmount:
    """A base's part of a month's pool. ``withheld`` stayed with the platform, for ``reason``."""

    knowledge_base_id: UUID
    currency: str
    amount: int
    withheld: int
    reason: str | None


@dataclass(frozen=True)
class PoolReaders:
    """Distinct readers of one base's free content."""

    knowledge_base_id: UUID
    readers: int


@dataclass(frozen=True)
class PoolStatement:
    """A closed month: the creator's distinct readers, and what the pools gave."""

    month: date
    readers: int
    by_knowledge_base: list[PoolReaders]
    amounts: list[PoolAmount]


async def share_months(session: Reader, creator_id: UUID, *, before: date | None, limit: int) -> list[date]:
    """The months in which anything accrued, newest first, from below ``before``."""
    values = {"creator_id": creator_id, "before": before or date.max, "limit": limit}
    return list((await session.execute(_MONTHS, values)).scalars())


async def shares_of(session: Reader, creator_id: UUID, months: Sequence[date]) -> list[ShareSum]:
    """What accrued for usage of these months, and what became of it."""
    rows = await session.execute(_SHARES, {"creator_id": creator_id, "months": list(months)})
    return [ShareSum(*row) for row in rows]


async def allocated_to(session: Reader, creator_id: UUID, months: Sequence[date]) -> list[AllocatedSum]:
    """What was allocated for usage of these months."""
    rows = await session.execute(_ALLOCATED, {"creator_id": creator_id, "months": list(months)})
    return [AllocatedSum(*row) for row in rows]


async def pending_of(session: Reader, creator_id: UUID) -> list[Money]:
    """What will be the creator's when invoices are paid, by currency."""
    rows = await session.execute(_PENDING, {"creator_id": creator_id})
    return [Money(int(row.amount), row.currency) for row in rows]


async def pool_statements(
    session: Reader, creator_id: UUID, *, before: date | None, limit: int
) -> list[PoolStatement]:
    """Closed months in which the creator had readers, newest first, from below ``before``."""
    reading = pool_reading.c
    months = sa.select(reading.month).where(reading.creator_id == creator_id).distinct()
    if before is not None:
        months = months.where(reading.month < before)
    chosen = (await session.execute(months.order_by(reading.month.desc()).limit(limit))).scalars().all()
    if not chosen:
        return []
    read = (
        await session.execute(
            sa.select(reading.month, reading.knowledge_base_id, reading.readers, reading.creator_readers)
            .where(reading.creator_id == creator_id, reading.month.in_(chosen))
            .order_by(reading.knowledge_base_id)
        )
    ).all()
    share = pool_share.c
    given = (
        await session.execute(
            sa.select(
                share.month,
                share.knowledge_base_id,
                share.currency,
                share.amount,
                share.withheld,
                share.reason,
            )
            .where(share.creator_id == creator_id, share.month.in_(chosen))
            .order_by(share.currency, share.knowledge_base_id)
        )
    ).all()
    return [_statement(month, read, given) for month in chosen]


def _statement(month: date, read: Sequence[Any], given: Sequence[Any]) -> PoolStatement:
    mine = [row for row in read if row.month == month]
    return PoolStatement(
        month=month,
        readers=max(row.creator_readers for row in mine),
        by_knowledge_base=[PoolReaders(row.knowledge_base_id, row.readers) for row in mine],
        amounts=[PoolAmount(*row[1:]) for row in given if row.month == month],
    )


_ACCRUING = """
  SELECT month, knowledge_base_id, meter, currency, units, accrued - on_top_accrued AS accrued,
         withheld - on_top_withheld AS own
  FROM usage_share WHERE creator_id = :creator_id AND invoice_id IS NULL
  UNION ALL
  SELECT month, knowledge_base_id, 'creator_prices', currency, on_top, on_top_accrued, on_top_withheld
  FROM usage_share WHERE creator_id = :creator_id AND on_top > 0 AND on_top_invoice_id IS NULL
"""
_MONTHS = sa.text(
    """
    SELECT month FROM (
      SELECT month FROM share_line WHERE creator_id = :creator_id
      UNION
      SELECT month FROM usage_share WHERE creator_id = :creator_id AND invoice_id IS NULL
      UNION
      SELECT month FROM usage_share
      WHERE creator_id = :creator_id AND on_top > 0 AND on_top_invoice_id IS NULL
    ) AS found WHERE month < :before ORDER BY month DESC LIMIT :limit
    """
)
_SHARES = sa.text(
    f"""
    SELECT month, knowledge_base_id, meter, currency, sum(units)::bigint,
           sum(accrued + own)::bigint, sum(own)::bigint, sum(concentrated)::bigint,
           coalesce(sum(accrued - concentrated) FILTER (WHERE status IN ('open', 'carried')), 0)::bigint,
           coalesce(sum(accrued - concentrated) FILTER (WHERE status = 'written_off'), 0)::bigint,
           coalesce(sum(accrued - concentrated) FILTER (WHERE status = 'paid'), 0)::bigint
    FROM (
      SELECT month, knowledge_base_id, meter, currency, units, accrued, own, concentrated, status
      FROM share_line JOIN share_invoice ON share_invoice.id = invoice_id
      WHERE creator_id = :creator_id AND month = ANY(:months)
      UNION ALL
      SELECT month, knowledge_base_id, meter, currency, units, accrued, own, 0, 'open'
      FROM ({_ACCRUING}) AS accruing WHERE month = ANY(:months)
    ) AS line
    GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 2, 3, 4
    """  # noqa: S608 - put together from the constant above
)
_ALLOCATED = sa.text(
    """
    SELECT month, knowledge_base_id, meter, currency, sum(amount)::bigint, sum(fee)::bigint
    FROM share_allocation
    WHERE (invoice_id, creator_id, month) IN (
      SELECT invoice_id, creator_id, month FROM share_line
      WHERE creator_id = :creator_id AND month = ANY(:months)
    )
    GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 2, 3, 4
    """
)
_PENDING = sa.text(
    f"""
    SELECT currency, sum(accrued) AS amount FROM (
      SELECT currency, accrued FROM ({_ACCRUING}) AS accruing
      UNION ALL
      SELECT currency, accrued - concentrated FROM share_line
      JOIN share_invoice ON share_invoice.id = invoice_id AND status IN ('open', 'carried')
      WHERE creator_id = :creator_id
    ) AS pending
    GROUP BY currency HAVING sum(accrued) <> 0 ORDER BY currency
    """  # noqa: S608 - put together from the constant above
)
