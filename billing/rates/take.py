"""Take rates: the platform's share of what was paid less tax, in basis points.

A rate holds from a moment on, for one creator or for all who have none of their own. Versions are only ever
added, and never for the past, so what a sale was split at can be told again forever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg import AsyncConnection as DriverConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.rates.tables import take_rate


class InvalidRate(Exception):
    """A rate for the past, or none for everybody."""

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


@dataclass(frozen=True)
class TakeRateFact:
    """``creator_id`` None: every creator without a rate of their own. ``bps`` None: that own rate ends."""

    id: UUID
    creator_id: UUID | None
    bps: int | None
    effective_from: datetime
    set_by: UUID
    created_at: datetime


_RATE = """
    coalesce(
      (SELECT coalesce(own.bps, -1) FROM take_rate AS own
       WHERE own.creator_id = {creator} AND own.effective_from <= {at}
       ORDER BY own.effective_from DESC, own.id DESC LIMIT 1),
      -1
    )
"""
_PLATFORM = """
    (SELECT bps FROM take_rate WHERE creator_id IS NULL AND effective_from <= {at}
     ORDER BY effective_from DESC, id DESC LIMIT 1)
"""


def _in_force(creator: str, at: str, default: str) -> str:
    """SQL: the creator's own rate at that time, else the platform's, else the default."""
    own = _RATE.format(creator=creator, at=at)
    return f"coalesce(nullif({own}, -1), {_PLATFORM.format(at=at)}, {default})"


_AT = sa.text(
    f"SELECT {_in_force('CAST(:creator AS uuid)', 'CAST(:at AS timestamptz)', 'CAST(:default AS int)')}"
)
_MANY = f"""
SELECT asked.creator, asked.at, {_in_force("asked.creator", "asked.at", "%s::int")}
FROM unnest(%s::uuid[], %s::timestamptz[]) AS asked (creator, at)
"""  # noqa: S608 - put together from the constants above


async def take_rate_bps(
    session: AsyncSession | AsyncConnection, *, creator_id: UUID | None, at: datetime, default: int
) -> int:
    """The rate in force at ``at``: the creator's own, else the platform's, else ``default`` (a setting)."""
    rate = await session.execute(_AT, {"creator": creator_id, "at": at, "default": default})
    return int(rate.scalar_one())


async def take_rates_bps(
    connection: DriverConnection[Any], asked: Sequence[tuple[UUID, datetime]], *, default: int
) -> dict[tuple[UUID, datetime], int]:
    """As ``take_rate_bps`` for many (creator, moment) in one round trip."""
    creators, moments = [creator for creator, _ in asked], [at for _, at in asked]
    rows = await (await connection.execute(_MANY, (default, creators, moments))).fetchall()
    return {(creator, at): int(bps) for creator, at, bps in rows}


async def set_take_rate(
    session: AsyncSession,
    *,
    id: UUID,
    creator_id: UUID | None,
    bps: int | None,
    effective_from: datetime | None,
    set_by: UUID,
    now: datetime,
) -> TakeRateFact:
    """A rate from then on, or from the next second. Raises ``InvalidRate``.

    The processor says in whole seconds when something was paid: a rate that began within one would be unsure.
    """
    since = effective_from or now
    if since.microsecond:
        since = since.replace(microsecond=0) + timedelta(seconds=1)
    if since < now:
        raise InvalidRate("A rate is not set for the past: sales were split at what there was.", "/from")
    if bps is None and creator_id is None:
        raise InvalidRate("The platform always has a rate.", "/bps")
    row = await session.execute(
        sa.insert(take_rate)
        .values(id=id, creator_id=creator_id, bps=bps, effective_from=since, set_by=set_by)
        .returning(take_rate)
    )
    return _fact(row.one())


async def list_take_rates(
    session: AsyncSession | AsyncConnection, *, creator_id: UUID | None, before: UUID | None, limit: int
) -> list[TakeRateFact]:
    """Every version, newest first, from below ``before``: of one creator, or with None of everybody."""
    query = sa.select(take_rate)
    if creator_id is not None:
        query = query.where(take_rate.c.creator_id == creator_id)
    if before is not None:
        query = query.where(take_rate.c.id < before)
    return [_fact(row) for row in await session.execute(query.order_by(take_rate.c.id.desc()).limit(limit))]


def _fact(row: sa.Row[Any]) -> TakeRateFact:
    return TakeRateFact(**row._mapping)
