"""Deliveries: which are due, and what became of a try.

A try is claimed by moving its time ahead, past the longest it may take: a worker that dies leaves it to be
tried again. Of the events of one object only the first that waits is due; the others wait for it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Interval, bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.outgoing.tables import outgoing_event, webhook_attempt, webhook_delivery, webhook_endpoint

GONE = 410

_DUE = """
    FROM webhook_endpoint AS e CROSS JOIN LATERAL (
      SELECT d.id FROM webhook_delivery AS d
      WHERE d.endpoint_id = e.id AND d.state = 'waiting' AND d.next_at <= now() AND NOT EXISTS (
        SELECT FROM webhook_delivery AS earlier
        WHERE earlier.endpoint_id = d.endpoint_id AND earlier.object_id = d.object_id
          AND earlier.state = 'waiting' AND earlier.sequence < d.sequence
      )
      ORDER BY d.next_at, d.sequence
"""
_CLAIM = text(
    f"""
    WITH due AS (
      SELECT d.id {_DUE}
        LIMIT greatest(:each - coalesce(CAST(CAST(:busy AS jsonb) ->> e.id::text AS int), 0), 0)
        FOR UPDATE SKIP LOCKED
      ) AS d WHERE e.enabled AND e.deleted_at IS NULL LIMIT :most
    )
    UPDATE webhook_delivery AS claimed SET claimed_at = now(), next_at = now() + :lease
    FROM due, webhook_endpoint AS e, outgoing_event AS event
    WHERE claimed.id = due.id AND e.id = claimed.endpoint_id AND event.id = claimed.event_id
    RETURNING claimed.id, claimed.endpoint_id, claimed.attempts, claimed.claimed_at, e.url,
              event.id AS event_id, event.type, event.at, event.data
    """  # noqa: S608 -- the constant above
).bindparams(bindparam("lease", type_=Interval))
_ANY_DUE = text(f"SELECT EXISTS (SELECT {_DUE} LIMIT 1) AS d WHERE e.enabled AND e.deleted_at IS NULL)")


@dataclass(frozen=True)
class Claim:
    """One try to make. ``claimed_at`` is its start, and what its outcome must name."""

    id: UUID
    endpoint_id: UUID
    attempts: int
    claimed_at: datetime
    url: str
    event_id: UUID
    type: str
    at: datetime
    data: dict[str, Any]


@dataclass(frozen=True)
class Attempt:
    """What was answered, or why nothing was."""

    at: datetime
    status: int | None
    error: str | None
    duration_ms: int
    response: str

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Schedule:
    """Waits between tries, and how long an endpoint may fail before it is disabled."""

    waits: tuple[float, ...]
    patience: timedelta


async def claim(
    session: AsyncSession, *, most: int, each: int, busy: Mapping[UUID, int], lease: timedelta
) -> list[Claim]:
    """Up to ``most`` tries that are due, at most ``each`` an endpoint with what it is ``busy`` with."""
    rows = await session.execute(
        _CLAIM,
        {
            "most": most,
            "each": each,
            "busy": json.dumps({str(endpoint_id): count for endpoint_id, count in busy.items()}),
            "lease": lease,
        },
    )
    return [Claim(**row._mapping) for row in rows]


async def any_due(connection: AsyncSession | AsyncConnection) -> bool:
    """Whether a try is due."""
    return bool((await connection.execute(_ANY_DUE)).scalar_one())


async def delivered(session: AsyncSession, claim: Claim, attempt: Attempt) -> None:
    """Ends the delivery; its endpoint is well."""
    endpoint = webhook_endpoint.c
    await session.execute(
        update(webhook_endpoint)
        .where(endpoint.id == claim.endpoint_id, endpoint.failing_since.is_not(None))
        .values(failing_since=None)
    )
    await _finish(session, claim, attempt, state="delivered", finished_at=func.now())


async def failed(
    session: AsyncSession, claim: Claim, attempt: Attempt, schedule: Schedule
) -> Literal["failing", "gone"] | None:
    """Puts the delivery off, or gives it up after the last wait. The endpoint's row stays locked.

    Returns why the endpoint is to be disabled now: it said 410, or has failed for too long.
    """
    endpoint = webhook_endpoint.c
    row = (
        await session.execute(
            update(webhook_endpoint)
            .where(endpoint.id == claim.endpoint_id)
            .values(failing_since=func.coalesce(endpoint.failing_since, func.now()))
            .returning(endpoint.enabled, endpoint.deleted_at, endpoint.failing_since, func.now().label("now"))
        )
    ).one()
    gone = attempt.status == GONE
    if gone or claim.attempts >= len(schedule.waits):
        await _finish(session, claim, attempt, state="failed", finished_at=func.now())
    else:
        wait = timedelta(seconds=schedule.waits[claim.attempts])
        await _finish(session, claim, attempt, next_at=func.now() + wait)
    if not row.enabled or row.deleted_at is not None:
        return None
    if gone:
        return "gone"
    return "failing" if row.now - row.failing_since >= schedule.patience else None


async def _finish(session: AsyncSession, claim: Claim, attempt: Attempt, **values: Any) -> None:
    """Writes the try down; it moves its delivery only if nobody claimed that since."""
    await session.execute(insert(webhook_attempt).values(delivery_id=claim.id, **attempt.__dict__))
    delivery = webhook_delivery.c
    await session.execute(
        update(webhook_delivery)
        .where(
            delivery.id == claim.id,
            delivery.claimed_at == claim.claimed_at,
            delivery.state.in_(("waiting", "held")),
        )
        .values(attempts=delivery.attempts + 1, claimed_at=None, **values)
    )


async def purge(session: AsyncSession, *, kept: timedelta, limit: int = 5_000) -> int:
    """Forgets ended deliveries and told events older than ``kept``, at most ``limit``; returns how many."""
    delivery, event = webhook_delivery.c, outgoing_event.c
    ended = delivery.state.in_(("delivered", "failed", "canceled"))
    old = select(delivery.id).where(ended, delivery.finished_at < func.now() - kept).limit(limit)
    gone = await session.execute(webhook_delivery.delete().where(delivery.id.in_(old)).returning(delivery.id))
    told = select(delivery.id).where(delivery.event_id == event.id)
    older = (
        select(event.id)
        .where(event.at < func.zhihao_now() - kept, ~told.exists())
        .where((event.position.is_not(None)) | (event.endpoint_id.is_not(None)))
        .limit(limit)
    )
    forgotten = await session.execute(outgoing_event.delete().where(event.id.in_(older)).returning(event.id))
    return max(len(gone.all()), len(forgotten.all()))
