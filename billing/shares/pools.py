"""The traffic pool: what share of the platform's net take it is, and the close of a month.

The net take of a month, in each settlement currency, is the platform's revenue less its share of the
processor's fees and less what it gave back, by when these took effect. Rates hold from a month on; they are
only ever added, and never for a month that is over.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry, Source, post
from billing.ledger.tables import ledger_account, ledger_entry, ledger_transaction
from billing.money import Money
from billing.shares.dividing import PoolLimits, PoolPart, Reading, divide, pool_of
from billing.shares.tables import pool_month, pool_rate, pool_reading, pool_share

SOURCE = "pool"


class InvalidPoolRate(Exception):
    """A rate for a month that is over. ``pointer`` names what is wrong."""

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


@dataclass(frozen=True)
class PoolRateFact:
    """``bps`` of the platform's net take from ``from_month`` (its first day) on."""

    id: UUID
    from_month: date
    bps: int
    set_by: UUID | None
    created_at: datetime


@dataclass(frozen=True)
class ClosedPool:
    """One month's pool in one currency, as it was divided; ``month`` is its first day."""

    month: date
    net_take: Money
    bps: int
    pool: Money
    distributed: Money


async def pool_rate_bps(session: AsyncSession | AsyncConnection, *, month: date, default: int) -> int:
    """The rate of ``month``: what operators set last for it or a month before, else ``default``."""
    found = await session.execute(
        sa.select(pool_rate.c.bps)
        .where(pool_rate.c.from_month <= month)
        .order_by(pool_rate.c.from_month.desc(), pool_rate.c.id.desc())
        .limit(1)
    )
    bps: int | None = found.scalar_one_or_none()
    return default if bps is None else bps


async def set_pool_rate(
    session: AsyncSession, *, id: UUID, from_month: date | None, bps: int, set_by: UUID, now: datetime
) -> PoolRateFact:
    """A rate from that month on, or from the running one. Raises ``InvalidPoolRate``."""
    running = now.date().replace(day=1)
    since = running if from_month is None else from_month.replace(day=1)
    if since < running:
        raise InvalidPoolRate("A rate is not set for a month that is over.", "/from_month")
    row = await session.execute(
        sa.insert(pool_rate)
        .values(id=id, from_month=since, bps=bps, set_by=set_by)
        .returning(*(pool_rate.c[name] for name in PoolRateFact.__dataclass_fields__))
    )
    return PoolRateFact(*row.one())


async def list_pool_rates(
    session: AsyncSession | AsyncConnection, *, before: UUID | None, limit: int
) -> list[PoolRateFact]:
    """Every rate that was set, newest first, from below ``before``."""
    query = sa.select(*(pool_rate.c[name] for name in PoolRateFact.__dataclass_fields__))
    if before is not None:
        query = query.where(pool_rate.c.id < before)
    rows = await session.execute(query.order_by(pool_rate.c.id.desc()).limit(limit))
    return [PoolRateFact(*row) for row in rows]


async def list_closed(
    session: AsyncSession | AsyncConnection, *, before: tuple[date, str] | None, limit: int
) -> list[ClosedPool]:
    """The pools that were divided, newest first, from below the position ``before`` (month, currency)."""
    query = sa.select(pool_month)
    position = sa.tuple_(pool_month.c.month, pool_month.c.currency)
    if before is not None:
        query = query.where(position < sa.tuple_(*before))
    order = (pool_month.c.month.desc(), pool_month.c.currency.desc())
    return [
        ClosedPool(
            row.month,
            Money(row.net_take, row.currency),
            row.bps,
            Money(row.pool, row.currency),
            Money(row.distributed, row.currency),
        )
        for row in await session.execute(query.order_by(*order).limit(limit))
    ]


async def net_takes(session: AsyncSession, *, start: datetime, end: datetime) -> dict[str, int]:
    """The platform's net take of ``[start, end)``, by currency; pools are no part of it."""
    rows = await session.execute(
        sa.select(ledger_entry.c.currency, -sa.func.sum(ledger_entry.c.amount))
        .join(ledger_account, ledger_account.c.id == ledger_entry.c.account_id)
        .join(ledger_transaction, ledger_transaction.c.id == ledger_entry.c.transaction_id)
        .where(
            ledger_account.c.kind.in_(["platform_revenue", "processor_fees"]),
            ledger_account.c.owner_id.is_(None),
            ledger_entry.c.effective_at >= start,
            ledger_entry.c.effective_at < end,
            ledger_transaction.c.source_type != SOURCE,
        )
        .group_by(ledger_entry.c.currency)
        .order_by(ledger_entry.c.currency)
    )
    return {currency: int(amount) for currency, amount in rows}


async def close_pool(
    session: AsyncSession,
    *,
    id: UUID,
    month: date,
    currency: str,
    net_take: int,
    bps: int,
    readers: int,
    readings: Sequence[Reading],
    limits: PoolLimits,
    not_eligible: Collection[UUID],
    now: datetime,
) -> ClosedPool:
    """Divides the month's pool of one currency and posts it as transaction ``id``.

    The caller holds the month, so that it is done once.
    """
    pool = pool_of(net_take, bps)
    parts = divide(pool, readings, limits=limits, not_eligible=not_eligible)
    distributed = sum(part.amount for part in parts)
    await session.execute(
        sa.insert(pool_month).values(
            month=month,
            currency=currency,
            net_take=net_take,
            bps=bps,
            pool=pool,
            distributed=distributed,
            readers=readers,
            credits=sum(reading.credits for reading in readings),
        )
    )
    if parts:
        rows: list[dict[str, Any]] = [
            {"month": month, "currency": currency, **part.__dict__} for part in parts
        ]
        await session.execute(sa.insert(pool_share), rows)
    await post(
        session,
        id=id,
        source=Source(SOURCE, f"{month:%Y-%m}:{currency}", "shares"),
        entries=pool_entries(parts, currency),
        effective_at=now,
    )
    return ClosedPool(
        month, Money(net_take, currency), bps, Money(pool, currency), Money(distributed, currency)
    )


async def keep_readings(session: AsyncSession, month: date, readings: Sequence[Reading]) -> None:
    """What readers came to, for the creators to see."""
    if readings:
        rows = [{"month": month, **reading.__dict__} for reading in readings]
        await session.execute(sa.insert(pool_reading), rows)


def pool_entries(parts: Sequence[PoolPart], currency: str) -> list[Entry]:
    """The platform gives up what the creators get."""
    return [
        Entry(Account("platform_revenue", currency), sum(part.amount for part in parts)),
        *(Entry(Account("creator_earned", currency, part.creator_id), -part.amount) for part in parts),
    ]
