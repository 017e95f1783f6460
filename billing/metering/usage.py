"""Usage: one event for each billed call, its shares, and the hourly totals they add up to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from psycopg import AsyncConnection as DriverConnection
from psycopg import AsyncCursor as DriverCursor
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.metering.arrays import array, ids, moments
from billing.metering.bills import Bill
from billing.metering.settling import Billed, Bucket
from billing.metering.tables import usage_event, usage_share

Grouping = Literal["day", "key", "knowledge_base", "month"]


_COUNT = """
INSERT INTO usage_bucket (organization_id, meter, hour, total)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::bigint[])
ON CONFLICT (organization_id, meter, hour)
DO UPDATE SET total = usage_bucket.total + excluded.total, due = true
RETURNING total
"""

_RECORD = """
WITH event AS (
  INSERT INTO usage_event (call_id, meter, month, at, organization_id, key_id, units, amount, currency,
                           on_top, included, mark, on_top_mark)
  SELECT call_id, meter, month, at, organization_id, key_id, 1, amount, currency,
         on_top, included, mark, on_top_mark
  FROM unnest(%(calls)s::uuid[], %(meters)s::text[], %(months)s::date[], %(at)s::timestamptz[],
              %(organizations)s::uuid[], %(keys)s::uuid[], %(amounts)s::bigint[], %(currencies)s::text[],
              %(on_top)s::bigint[], %(included)s::bool[], %(marks)s::bigint[], %(on_top_marks)s::bigint[])
    AS e (call_id, meter, month, at, organization_id, key_id, amount, currency, on_top, included, mark,
          on_top_mark)
)
INSERT INTO usage_share (call_id, knowledge_base_id, month, meter, at, organization_id, creator_id, units,
                         amount, accrued, withheld, on_top, on_top_accrued, on_top_withheld, currency)
SELECT e.call_id, s.base, e.month, e.meter, e.at, e.organization_id, s.creator, s.units, s.amount, s.accrued,
       s.withheld, s.on_top, s.on_top_accrued, s.on_top_withheld, e.currency
FROM unnest(%(calls)s::uuid[], %(meters)s::text[], %(months)s::date[], %(at)s::timestamptz[],
            %(organizations)s::uuid[], %(currencies)s::text[], %(bills)s::int[])
  AS e (call_id, meter, month, at, organization_id, currency, bill)
JOIN unnest(%(share_bills)s::int[], %(bases)s::uuid[], %(creators)s::uuid[], %(units)s::bigint[],
            %(share_amounts)s::bigint[], %(accrued)s::bigint[], %(withheld)s::bigint[],
            %(share_on_top)s::bigint[], %(on_top_accrued)s::bigint[], %(on_top_withheld)s::bigint[])
  AS s (bill, base, creator, units, amount, accrued, withheld, on_top, on_top_accrued, on_top_withheld)
  USING (bill)
"""


def _in_order(bucket: tuple[UUID, str, datetime]) -> tuple[int, str, datetime]:
    return bucket[0].int, bucket[1], bucket[2]


async def count(
    connection: DriverConnection[Any], buckets: Mapping[tuple[UUID, str, datetime], Bucket]
) -> DriverCursor[Any] | None:
    """Adds to the hours' totals, in the order of their keys, so that two groups never wait in a ring.

    ``read_counted`` fills in what they came to.
    """
    if not buckets:
        return None
    keys = sorted(buckets, key=_in_order)
    return await connection.execute(
        _COUNT,
        (
            ids([organization for organization, _, _ in keys]),
            array([meter for _, meter, _ in keys]),
            moments([hour for _, _, hour in keys]),
            array([buckets[key].added for key in keys]),
        ),
    )


async def read_counted(
    cursor: DriverCursor[Any] | None, buckets: Mapping[tuple[UUID, str, datetime], Bucket]
) -> None:
    if cursor is not None:
        # Rows come back in the order in which they were sent.
        for key, (total,) in zip(sorted(buckets, key=_in_order), await cursor.fetchall(), strict=True):
            buckets[key].total = total


async def record(connection: DriverConnection[Any], bills: Sequence[Billed]) -> None:
    """Writes the event of each bill and its shares, all of them new; their buckets have been counted.

    Bills that are alike are sent once, and name which one they are.
    """
    if not bills:
        return
    kinds: dict[int, tuple[int, Bill]] = {}
    numbers = [kinds.setdefault(id(one.bill), (len(kinds), one.bill))[0] for one in bills]
    shares = [(number, share) for number, bill in kinds.values() for share in bill.shares]
    reservations = [one.reservation for one in bills]
    await connection.execute(
        _RECORD,
        {
            "calls": ids([r.id for r in reservations]),
            "meters": array([r.meter for r in reservations]),
            "months": moments([r.month for r in reservations]),
            "at": moments([r.created_at for r in reservations]),
            "organizations": ids([r.organization_id for r in reservations]),
            "keys": ids([r.key_id for r in reservations]),
            "amounts": array([one.bill.amount for one in bills]),
            "currencies": array([r.currency for r in reservations]),
            "on_top": array([one.bill.on_top for one in bills]),
            "included": array([r.included for r in reservations]),
            "marks": array([one.bucket.total - one.bucket.added + one.nth for one in bills]),
            "on_top_marks": array(
                [None if (b := one.on_top) is None else b.total - b.added + one.on_top_nth for one in bills]
            ),
            "bills": array(numbers),
            "share_bills": array([number for number, _ in shares]),
            "bases": ids([share.knowledge_base_id for _, share in shares]),
            "creators": ids([share.creator_id for _, share in shares]),
            "units": array([share.units for _, share in shares]),
            "share_amounts": array([share.amount for _, share in shares]),
            "accrued": array([share.accrued for _, share in shares]),
            "withheld": array([share.withheld for _, share in shares]),
            "share_on_top": array([share.on_top.amount for _, share in shares]),
            "on_top_accrued": array([share.on_top.accrued for _, share in shares]),
            "on_top_withheld": array([share.on_top.withheld for _, share in shares]),
        },
    )


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
