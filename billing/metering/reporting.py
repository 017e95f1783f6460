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
from sqlalchemy.ext.asyncio import AsyncSession

from billing.processor.port import Meter

_LAST_SECOND = 3599


@dataclass(frozen=True, slots=True)
class Report:
    """One revision of one hour's total, stored and about to be sent. ``value`` is units or minor units."""

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
        hour = self.hour.strftime("%Y%m%dT%H")
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
      WHERE d.due AND d.rejected IS NULL AND c.stripe_customer_id IS NOT NULL
        AND c.started_at IS NOT NULL
      ORDER BY d.hour, d.organization_id, d.meter LIMIT :limit
      FOR NO KEY UPDATE OF d SKIP LOCKED
    ) AS due
    WHERE b.organization_id = due.organization_id AND b.meter = due.meter AND b.hour = due.hour
    RETURNING b.organization_id, b.meter, timezone('UTC', b.hour), b.revision, b.revision_total,
              due.stripe_customer_id, timezone('UTC', due.started_at)
    """
)

_DELIVERED = text(
    """
    UPDATE usage_bucket SET sent_revision = revision, sent_at = zhihao_now(), due = total <> revision_total
    WHERE organization_id = :organization_id AND meter = :meter AND hour = :hour AND revision = :revision
    """
)

_REJECTED = text(
    """
    UPDATE usage_bucket SET rejected = :reason, due = false
    WHERE organization_id = :organization_id AND meter = :meter AND hour = :hour AND revision = :revision
    """
)


async def intend(session: AsyncSession, *, limit: int) -> list[Report]:
    """The oldest totals that have to be sent, at most ``limit``; to be committed before any is.

    Totals of an organization that the processor does not know yet wait.
    """
    rows = await session.execute(_INTEND, {"limit": limit})
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


async def delivered(session: AsyncSession, reports: Sequence[Report]) -> None:
    """These arrived. An hour whose total moved meanwhile stays due."""
    for report in reports:
        await session.execute(_DELIVERED, _key(report))


async def rejected(session: AsyncSession, report: Report, *, reason: str) -> None:
    """The processor will never take it: a dead letter, kept with its reason and not sent again."""
    await session.execute(_REJECTED, _key(report) | {"reason": reason})


def _key(report: Report) -> dict[str, object]:
    return {
        "organization_id": report.organization_id,
        "meter": report.meter,
        "hour": report.hour,
        "revision": report.revision,
    }
