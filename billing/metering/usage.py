"""Usage: one event for each billed call, its shares, and the hourly totals they add up to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from psycopg import AsyncConnection as DriverConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.metering.arrays import array, ids, moments
from billing.metering.reservations import Reservation
from billing.metering.settling import Bill, hour_of
from billing.metering.tables import usage_event, usage_share

Grouping = Literal["day", "key", "knowledge_base", "month"]


_RECORD = """
WITH bucket AS (
  INSERT INTO usage_bucket (organization_id, meter, hour, total)
  SELECT * FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::bigint[]) AS b (o, m, h, t)
  ORDER BY o, m, h
  ON CONFLICT (organization_id, meter, hour)
  DO UPDATE SET total = usage_bucket.total + excluded.total, due = true
  RETURNING organization_id, meter, hour, total
)
INSERT INTO usage_event (call_id, meter, month, at, organization_id, key_id, units, amount, currency,
                         on_top, included, mark, on_top_mark)
SELECT e.call_id, e.meter, e.month, e.at, e.organization_id, e.key_id, e.units, e.amount, e.currency,
       e.on_top, e.included, unit.total - e.after, price.total - e.after_on_top
FROM unnest(%s::uuid[], %s::text[], %s::date[], %s::timestamptz[], %s::uuid[], %s::uuid[], %s::bigint[],
            %s::bigint[], %s::text[], %s::bigint[], %s::bool[], %s::timestamptz[], %s::bigint[],
            %s::bigint[])
  AS e (call_id, meter, month, at, organization_id, key_id, units, amount, currency, on_top, included, hour,
        after, after_on_top)
JOIN bucket unit ON (unit.organization_id, unit.meter, unit.hour) = (e.organization_id, e.meter, e.hour)
LEFT JOIN bucket price ON e.on_top > 0
  AND (price.organization_id, price.meter, price.hour) = (e.organization_id, 'creator_prices', e.hour)
"""


async def record(
    connection: DriverConnection[Any],
    bills: Sequence[tuple[Reservation, Bill]],
    buckets: Mapping[tuple[UUID, str, datetime], int],
) -> None:
    """Writes the event of each bill and its shares, all of them new, and adds to the hours' totals: these in
    the order of their keys, so that two groups never wait in a ring."""
    if not bills:
        return
    organizations, meters, hours = zip(*buckets, strict=True)
    reservations = [reservation for reservation, _ in bills]
    left = _left(bills, buckets)
    await connection.execute(
        _RECORD,
        (
            ids(organizations),
            array(meters),
            moments(hours),
            array(buckets.values()),
            ids(r.id for r in reservations),
            array(r.meter for r in reservations),
            moments(r.month for r in reservations),
            moments(r.created_at for r in reservations),
            ids(r.organization_id for r in reservations),
            ids(r.key_id for r in reservations),
            array(r.units for r in reservations),
            array(r.amount for r in reservations),
            array(r.currency for r in reservations),
            array(bill.on_top for _, bill in bills),
            array(r.included for r in reservations),
            moments(hour_of(r.created_at) for r in reservations),
            array(after for after, _ in left),
            array(after for _, after in left),
        ),
    )
    shares = [(reservation, share) for reservation, bill in bills for share in bill.shares]
    await connection.execute(
        """
        INSERT INTO usage_share (call_id, knowledge_base_id, month, meter, at, organization_id, creator_id,
                                 units, amount, accrued, withheld, on_top, on_top_accrued, on_top_withheld,
                                 currency)
        SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::date[], %s::text[], %s::timestamptz[], %s::uuid[],
                             %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[],
                             %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])
        """,
        (
            ids(r.id for r, _ in shares),
            ids(s.knowledge_base_id for _, s in shares),
            moments(r.month for r, _ in shares),
            array(r.meter for r, _ in shares),
            moments(r.created_at for r, _ in shares),
            ids(r.organization_id for r, _ in shares),
            ids(s.creator_id for _, s in shares),
            array(s.units for _, s in shares),
            array(s.amount for _, s in shares),
            array(s.accrued for _, s in shares),
            array(s.withheld for _, s in shares),
            array(s.on_top.amount for _, s in shares),
            array(s.on_top.accrued for _, s in shares),
            array(s.on_top.withheld for _, s in shares),
            array(r.currency for r, _ in shares),
        ),
    )


def _left(
    bills: Sequence[tuple[Reservation, Bill]], buckets: Mapping[tuple[UUID, str, datetime], int]
) -> list[tuple[int, int]]:
    """What is still to come of its two buckets after each event: so each has a mark of its own."""
    remaining = dict(buckets)
    left: list[tuple[int, int]] = []
    for reservation, bill in bills:
        assert reservation.organization_id is not None
        hour = hour_of(reservation.created_at)
        unit = (reservation.organization_id, reservation.meter, hour)
        price = (reservation.organization_id, "creator_prices", hour)
        remaining[unit] -= 1
        if bill.on_top:
            remaining[price] -= bill.on_top
        left.append((remaining[unit], remaining.get(price, 0)))
    return left


@dataclass(frozen=True, slots=True)
class UsageLine:
    """Units and amount (minor units) of one meter in one group (UTC day or month, key, knowledge base)."""

    group: str
    meter: str
    units: int
    amount: int
    currency: str


async def read(
    connection: AsyncSession | AsyncConnection,
    organization_id: UUID,
    *,
    since: datetime,
    until: datetime,
    group_by: Grouping,
) -> list[UsageLine]:
    """What the organization's calls in ``[since, until)`` came to. Every grouping has the same total."""
    table: sa.Table = usage_event
    group: sa.ColumnElement[str]
    if group_by == "knowledge_base":
        table = usage_share
        group = sa.cast(table.c.knowledge_base_id, sa.Text)
    elif group_by == "key":
        group = sa.cast(table.c.key_id, sa.Text)
    else:
        pattern = "YYYY-MM-DD" if group_by == "day" else "YYYY-MM"
        group = sa.func.to_char(sa.func.timezone("UTC", table.c.at), sa.literal_column(f"'{pattern}'"))
    query = (
        sa.select(
            group,
            table.c.meter,
            sa.cast(sa.func.sum(table.c.units), sa.BigInteger),
            sa.cast(sa.func.sum(table.c.amount), sa.BigInteger),
            table.c.currency,
        )
        .where(table.c.organization_id == organization_id, table.c.at >= since, table.c.at < until)
        .group_by(group, table.c.meter, table.c.currency)
        .order_by(group, table.c.meter, table.c.currency)
    )
    return [UsageLine(*row) for row in await connection.execute(query)]
