"""Hourly totals on their way to Stripe: the intent first, then the call, then what became of it.

A total is absolute, so a later one replaces it and a repeated one does no harm. A revision that is not known
to have arrived is sent again, the same, before there is a next one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.metering.contracts import RUNNING
from billing.processor.port import Meter

HOUR_FORMAT = "%Y%m%dT%H"
_LAST_SECOND = 3599


@dataclass(frozen=True, slots=True)
class Report:
    """One revision of one hour's total, stored and about to be sent. ``value`` is units or minor units.

    In an hour in which one contract ended and another began, it is what the first one's invoice left.
    """

    organization_id: UUID
    meter: Meter
    hour: datetime
    revision: int
    value: int
    customer_id: str
    contract_started_at: datetime

    @property
    def timestamp(self) -> datetime:
        """Inside the hour, and later for each revision: Stripe keeps the newest of an hour.

        In the contract's first hour it is after the contract's start: Stripe puts on no invoice what was
        metered before there was a subscription.
        """
        before = math.ceil((self.contract_started_at - self.hour).total_seconds())
        if not 0 < before <= _LAST_SECOND:
            before = 0
        return self.hour + timedelta(seconds=min(before + self.revision, _LAST_SECOND))

    @property
    def identifier(self) -> str:
        """The same for every attempt at this revision."""
        hour = self.hour.strftime(HOUR_FORMAT)
        return f"{self.organization_id}:{self.meter}:{hour}:{self.revision}"


_INTEND = text(
    """
    UPDATE usage_bucket b
    SET revision = due.revision, revision_total = due.total
    FROM (
      SELECT d.organization_id, d.meter, d.hour, c.stripe_customer_id, c.started_at,
             CASE WHEN d.sent_revision < d.revision THEN d.revision ELSE d.revision + 1 END AS revision,
             CASE WHEN d.sent_revision < d.revision THEN d.revision_total ELSE d.total END AS total
      FROM usage_bucket d JOIN contract c ON c.organization_id = d.organization_id
      WHERE d.due AND d.rejected IS NULL AND d.total > d.billed AND c.stripe_customer_id IS NOT NULL
        AND c.started_at IS NOT NULL AND (CAST(:only AS uuid) IS NULL OR d.organization_id = :only)
        AND CASE
          WHEN c.status = ANY(:running)
            AND d.hour >= date_trunc('hour', coalesce(c.current_period_start, c.started_at), 'UTC')
          THEN true
          -- Its period is over. While the invoice is a draft it still counts; shortly before it is none any
          -- more nothing is sent, so that all that arrived is on it.
          ELSE coalesce(
            (SELECT i.lined_at IS NULL AND i.status = 'draft'
                AND zhihao_now() < i.finalizes_at - interval '10 minutes'
             FROM metered_invoice i WHERE i.organization_id = d.organization_id
               AND d.hour >= date_trunc('hour', i.period_start, 'UTC') AND d.hour < i.period_end
             ORDER BY i.created_at DESC LIMIT 1),
            zhihao_now() < interval '50 minutes' +
              CASE WHEN c.status = ANY(:running) THEN c.current_period_start ELSE c.updated_at END)
        END
      ORDER BY d.hour, d.organization_id, d.meter LIMIT :limit
      FOR NO KEY UPDATE OF d SKIP LOCKED
    ) AS due
    WHERE b.organization_id = due.organization_id AND b.meter = due.meter AND b.hour = due.hour
    RETURNING b.organization_id, b.meter, timezone('UTC', b.hour), b.revision, b.revision_total - b.billed,
              due.stripe_customer_id, timezone('UTC', due.started_at)
    """
)

_LATEST = text(
    """
    SELECT b.meter, timezone('UTC', b.hour) AS hour, b.revision, timezone('UTC', c.started_at) AS started_at
    FROM usage_bucket b JOIN contract c USING (organization_id)
    WHERE b.organization_id = :organization_id
      AND b.hour = date_trunc('hour', CAST(:now AS timestamptz), 'UTC')
      AND b.revision > 0 AND c.started_at IS NOT NULL
    """
)

_DELIVERED = text(
    """
    UPDATE usage_bucket
    SET sent_revision = revision, sent_total = revision_total, sent_at = zhihao_now(),
        due = total <> revision_total
    WHERE organization_id = :organization_id AND meter = :meter AND hour = :hour AND revision = :revision
    """
)

_AGAIN = text(
    """
    UPDATE usage_bucket SET due = true, sent_revision = revision
    WHERE organization_id = :organization_id AND meter = :meter AND hour = :hour AND revision = :revision
      AND rejected IS NULL
    RETURNING 1
    """
)

_UNCOUNTED = text(
    """
    UPDATE usage_bucket SET rejected = :reason, due = false, sent_revision = revision, sent_total = billed
    WHERE organization_id = :organization_id AND meter = :meter AND hour = :hour AND revision = :revision
    RETURNING 1
    """
)

_REJECTED = text(
    """
    UPDATE usage_bucket SET rejected = :reason, due = false
    WHERE organization_id = :organization_id AND meter = :meter AND hour = :hour AND revision = :revision
    """
)


async def intend(session: AsyncSession, *, limit: int, organization_id: UUID | None = None) -> list[Report]:
    """The oldest totals that have to be sent, at most ``limit``; to be committed before any is.

    Totals of an organization that the processor does not know yet wait, and so do those of a period whose
    invoice takes no more: they are for ``late``. With ``organization_id``, of that one alone.
    """
    rows = await session.execute(_INTEND, {"limit": limit, "only": organization_id, "running": list(RUNNING)})
    return [
        Report(
            organization_id,
            meter,
            hour.replace(tzinfo=UTC),
            revision,
            value,
            customer_id,
            started_at.replace(tzinfo=UTC),
        )
        for organization_id, meter, hour, revision, value, customer_id, started_at in rows
    ]


async def latest_timestamp(
    session: AsyncSession | AsyncConnection, organization_id: UUID, *, now: datetime
) -> datetime | None:
    """The latest time that a total of this hour was sent for: in an hour's first seconds, and in a contract's
    first hour, it may be a little ahead of the clock. ``None`` when nothing was sent."""
    rows = await session.execute(_LATEST, {"organization_id": organization_id, "now": now})
    sent = [
        Report(
            organization_id,
            row.meter,
            row.hour.replace(tzinfo=UTC),
            row.revision,
            0,
            "",
            row.started_at.replace(tzinfo=UTC),
        )
        for row in rows
    ]
    return max((report.timestamp for report in sent), default=None)


async def delivered(session: AsyncSession, reports: Sequence[Report]) -> None:
    """These arrived. An hour whose total moved meanwhile stays due."""
    for report in reports:
        await session.execute(_DELIVERED, _key(report))


async def rejected(session: AsyncSession, report: Report, *, reason: str) -> None:
    """The processor will never take it: a dead letter, kept with its reason and not sent again."""
    await session.execute(_REJECTED, _key(report) | {"reason": reason})


@dataclass(frozen=True, slots=True)
class Named:
    """What an identifier names."""

    organization_id: UUID
    meter: str
    hour: datetime
    revision: int


def named(identifier: str) -> Named | None:
    """The report with this identifier; ``None`` for one that is not ours."""
    try:
        organization_id, meter, hour, revision = identifier.split(":")
        moment = datetime.strptime(hour, HOUR_FORMAT).replace(tzinfo=UTC)
        return Named(UUID(organization_id), meter, moment, int(revision))
    except ValueError:
        return None


async def send_again(session: AsyncSession, report: Named) -> int:
    """The same total is due again, as a new revision; 0 when a later one has gone out since."""
    return len((await session.execute(_AGAIN, _key(report))).all())


async def uncounted(session: AsyncSession, report: Named, *, reason: str) -> int:
    """The total arrived and will never be counted: a dead letter. 0 when a later one has gone out since."""
    return len((await session.execute(_UNCOUNTED, _key(report) | {"reason": reason})).all())


def _key(report: Report | Named) -> dict[str, object]:
    return {
        "organization_id": report.organization_id,
        "meter": report.meter,
        "hour": report.hour,
        "revision": report.revision,
    }
