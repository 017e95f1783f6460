"""What the processor counted of a period against what it was told: only while it may still change.

An hour counts once it has been over for a while, since what arrives is not counted at once. A sum that agreed
is not asked for again until it has changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.metering.contracts import RUNNING


@dataclass(frozen=True, slots=True)
class Sum:
    """What arrived of one organization's meter in ``[start, end)``, both on the hour."""

    organization_id: UUID
    meter: str
    customer_id: str
    start: datetime
    end: datetime
    ours: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A sum on which we and the processor differed when they were last compared."""

    organization_id: UUID
    meter: str
    period_start: datetime
    ours: int
    theirs: int


# The periods that still change: a running contract's, and those whose invoice is a draft.
_PERIODS = """
  SELECT c.organization_id, c.stripe_customer_id AS customer_id,
    date_trunc('hour', coalesce(c.current_period_start, c.started_at), 'UTC') AS first,
    CAST(:until AS timestamptz) AS after
  FROM contract c WHERE c.status = ANY(:running) AND c.stripe_customer_id IS NOT NULL
  UNION ALL
  SELECT i.organization_id, c.stripe_customer_id, date_trunc('hour', i.period_start, 'UTC'), i.period_end
  FROM metered_invoice i JOIN contract c USING (organization_id)
  WHERE i.status = 'draft' AND i.period_end <= :until AND i.period_end > i.period_start
    AND c.stripe_customer_id IS NOT NULL
"""
_SUMS = sa.text(
    f"""
    SELECT b.organization_id, b.meter, p.customer_id, timezone('UTC', p.first),
      timezone('UTC', date_trunc('hour', p.after, 'UTC')),
      sum(greatest(b.sent_total - b.billed, 0))::bigint AS ours
    FROM ({_PERIODS}) p JOIN usage_bucket b ON b.organization_id = p.organization_id
      AND b.hour >= p.first AND b.hour < date_trunc('hour', p.after, 'UTC')
    WHERE CAST(:only AS uuid) IS NULL OR b.organization_id = :only
    GROUP BY b.organization_id, b.meter, p.customer_id, p.first, p.after
    -- What may have arrived, or not, says nothing.
    HAVING bool_and(b.revision = b.sent_revision)
    ORDER BY b.organization_id, b.meter, p.first
    """  # noqa: S608 - put together from the constant above
)
_CHANGED = sa.text(
    """
    SELECT s.n FROM unnest(CAST(:ns AS int[]), CAST(:organizations AS uuid[]), CAST(:meters AS text[]),
      CAST(:starts AS timestamptz[]), CAST(:ours AS bigint[])) AS s (n, organization_id, meter, start, ours)
    WHERE NOT EXISTS (
      SELECT FROM usage_check k WHERE k.organization_id = s.organization_id AND k.meter = s.meter
        AND k.period_start = s.start AND k.ours = s.ours AND k.theirs = s.ours)
    """
)
_CHECKED = sa.text(
    """
    INSERT INTO usage_check (organization_id, meter, period_start, ours, theirs, checked_at)
    VALUES (:organization_id, :meter, :period_start, :ours, :theirs, zhihao_now())
    ON CONFLICT (organization_id, meter, period_start)
    DO UPDATE SET ours = excluded.ours, theirs = excluded.theirs, checked_at = excluded.checked_at
    """
)
_AGAIN = sa.text(
    """
    UPDATE usage_bucket b SET due = true, sent_revision = b.revision
    FROM (
      SELECT hour FROM usage_bucket
      WHERE organization_id = :organization_id AND meter = :meter AND hour >= :start AND hour < :end
        AND rejected IS NULL AND revision = sent_revision
    ) mine LEFT JOIN unnest(CAST(:hours AS timestamptz[]), CAST(:values AS bigint[])) AS theirs (hour, value)
      USING (hour)
    WHERE b.organization_id = :organization_id AND b.meter = :meter AND b.hour = mine.hour
      AND b.sent_total - b.billed <> coalesce(theirs.value, 0)
    RETURNING b.hour
    """
)
_MISMATCHES = sa.text(
    """
    SELECT k.organization_id, k.meter, timezone('UTC', k.period_start), k.ours, k.theirs FROM usage_check k
    WHERE k.ours <> k.theirs
    ORDER BY k.checked_at, k.organization_id, k.meter
    """
)
_OVER = sa.text(
    f"""
    DELETE FROM usage_check k WHERE NOT EXISTS (
      SELECT FROM ({_PERIODS}) p WHERE p.organization_id = k.organization_id AND p.first = k.period_start)
    """  # noqa: S608 - put together from the constant above
)


async def open_sums(
    session: AsyncSession | AsyncConnection, *, until: datetime, organization_id: UUID | None = None
) -> list[Sum]:
    """What arrived in every period that may still change, of hours over by ``until``."""
    values = {"until": until, "only": organization_id, "running": sorted(RUNNING)}
    rows = await session.execute(_SUMS, values)
    return [
        Sum(row[0], row[1], row[2], row[3].replace(tzinfo=UTC), row[4].replace(tzinfo=UTC), row[5])
        for row in rows
    ]


async def changed(session: AsyncSession, sums: list[Sum]) -> list[Sum]:
    """Those that have not been seen to agree as they are now."""
    values = {
        "ns": list(range(len(sums))),
        "organizations": [one.organization_id for one in sums],
        "meters": [one.meter for one in sums],
        "starts": [one.start for one in sums],
        "ours": [one.ours for one in sums],
    }
    return [sums[n] for (n,) in await session.execute(_CHANGED, values)]


async def checked(session: AsyncSession, one: Sum, *, theirs: int) -> None:
    """Keeps what the processor was seen to have counted."""
    await session.execute(
        _CHECKED,
        {
            "organization_id": one.organization_id,
            "meter": one.meter,
            "period_start": one.start,
            "ours": one.ours,
            "theirs": theirs,
        },
    )


async def send_again(session: AsyncSession, one: Sum, hours: Mapping[datetime, int]) -> list[datetime]:
    """Has those hours sent once more, as a new revision, that were counted otherwise than told."""
    rows = await session.execute(
        _AGAIN,
        {
            "organization_id": one.organization_id,
            "meter": one.meter,
            "start": one.start,
            "end": one.end,
            "hours": list(hours),
            "values": list(hours.values()),
        },
    )
    return [hour.astimezone(UTC) for (hour,) in rows]


async def mismatches(session: AsyncSession | AsyncConnection) -> list[Mismatch]:
    """The sums that did not agree when they were last compared, oldest first."""
    rows = await session.execute(_MISMATCHES)
    return [Mismatch(row[0], row[1], row[2].replace(tzinfo=UTC), row[3], row[4]) for row in rows]


async def forget_over(session: AsyncSession, *, now: datetime) -> None:
    """Forgets comparisons of periods that change no more: their invoices were matched line by line."""
    await session.execute(_OVER, {"until": now + timedelta(hours=1), "running": sorted(RUNNING)})
