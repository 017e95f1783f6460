"""Dead letters: work that was given up, with the reason; operators have it done again.

Five sorts, each kept where it belongs: events of Stripe's, hours of usage that Stripe refused, background
jobs, mail, and webhooks to creators and organizations.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts import audit
from service.platform.idempotency import Once, claim, keep
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.receive_stripe_event import settle_soon

Sort = Literal["stripe_event", "usage", "job", "mail", "webhook"]
SORTS: tuple[Sort, ...] = get_args(Sort)
AT_ONCE = 1000


class DeadLetterNotFound(Exception):
    """There is no such dead letter: it never was, or it was worked again already."""


@dataclass(frozen=True)
class DeadLetter:
    """Something given up. ``what`` names it in words of its sort, ``at`` is when it came in."""

    kind: Sort
    id: str
    what: str
    reason: str
    attempts: int
    at: datetime


_BUCKET = "organization_id || ':' || meter || ':' || to_char(hour AT TIME ZONE 'UTC', 'YYYYMMDD\"T\"HH24')"

LISTED: Mapping[Sort, str] = {
    "stripe_event": """
        SELECT id, type AS what, coalesce(outcome, '') AS reason, attempts, received_at AS at
        FROM stripe_event WHERE status = 'dead'
    """,
    "usage": f"""
        SELECT {_BUCKET} AS id, meter || ' of organization ' || organization_id AS what, rejected AS reason,
               revision AS attempts, hour AS at
        FROM usage_bucket WHERE rejected IS NOT NULL
    """,  # noqa: S608 - the constant above
    "job": """
        SELECT id::text, task_name AS what, 'every try failed; the log says how' AS reason, attempts,
               coalesce((SELECT max(event.at) FROM procrastinate_events AS event WHERE job_id = job.id),
                        scheduled_at, 'epoch') AS at
        FROM procrastinate_jobs AS job WHERE status = 'failed' AND task_name NOT LIKE 'periodic.%'
    """,
    "mail": """
        SELECT id::text, kind AS what, coalesce(error, '') AS reason, attempts, created_at AS at
        FROM letter WHERE state = 'dead'
    """,
    "webhook": """
        SELECT delivery.id::text, event.type AS what,
               coalesce((SELECT coalesce(error, 'answered ' || status) FROM webhook_attempt
                         WHERE delivery_id = delivery.id ORDER BY id DESC LIMIT 1), '') AS reason,
               attempts, delivery.created_at AS at
        FROM webhook_delivery AS delivery JOIN outgoing_event AS event ON event.id = event_id
        WHERE state = 'failed'
    """,
}

AGAIN: Mapping[Sort, str] = {
    "stripe_event": """
        UPDATE stripe_event SET status = 'stored', attempts = 0, due_at = clock_timestamp()
        WHERE status = 'dead' AND id IN (SELECT id FROM chosen) RETURNING lane
    """,
    "usage": f"""
        UPDATE usage_bucket SET rejected = NULL, due = true
        WHERE rejected IS NOT NULL AND {_BUCKET} IN (SELECT id FROM chosen) RETURNING meter
    """,  # noqa: S608 - the constant above
    "mail": """
        UPDATE letter SET state = 'waiting', attempts = 0, next_at = now(), finished_at = NULL
        WHERE state = 'dead' AND id::text IN (SELECT id FROM chosen) RETURNING kind
    """,
    "webhook": """
        UPDATE webhook_delivery
        SET state = 'waiting', attempts = 0, next_at = now(), finished_at = NULL, sequence = DEFAULT
        WHERE state = 'failed' AND id::text IN (SELECT id FROM chosen) RETURNING cause
    """,
    # A job that waits already does what this one would have done, so it takes its place.
    "job": """
        , failed AS (
          SELECT job.id, task_name, EXISTS (
            SELECT FROM procrastinate_jobs AS other
            WHERE other.queueing_lock = job.queueing_lock AND other.status = 'todo'
          ) AS doubled
          FROM procrastinate_jobs AS job
          WHERE status = 'failed' AND job.id::text IN (SELECT id FROM chosen) FOR UPDATE
        ), dropped AS (
          DELETE FROM procrastinate_jobs WHERE id IN (SELECT id FROM failed WHERE doubled)
        ), again AS (
          UPDATE procrastinate_jobs SET status = 'todo', attempts = 0, scheduled_at = NULL
          WHERE id IN (SELECT id FROM failed WHERE NOT doubled)
        )
        SELECT task_name FROM failed
    """,
}

WAKES: Mapping[Sort, str] = {"usage": "report_usage", "mail": "send_letters", "webhook": "deliver_webhooks"}
"""The job that works what waits again, deferred at once."""


def _dead(sorts: Iterable[Sort]) -> str:
    parts = (
        f"SELECT '{sort}' AS kind, part.* FROM ({LISTED[sort]}) AS part"  # noqa: S608 - the constants above
        for sort in sorts
    )
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS dead"  # noqa: S608 - the constants above


async def list_dead_letters(
    context: Context, *, kind: Sort | None, before: tuple[datetime, str, str] | None, limit: int
) -> list[DeadLetter]:
    """Newest first, from below the position ``before`` (time, kind, id): of one sort, or of all."""
    below = "" if before is None else "WHERE (at, kind, id) < (:at, :kind, :id)"
    dead = _dead(SORTS if kind is None else (kind,))
    query = f"{dead} {below} ORDER BY at DESC, kind DESC, id DESC LIMIT :limit"
    values = {} if before is None else dict(zip(("at", "kind", "id"), before, strict=True))
    async with context.database.reading() as connection:
        rows = await connection.execute(sa.text(query), {"limit": limit, **values})
        return [DeadLetter(**row._mapping) for row in rows]


async def count_dead_letters(context: Context) -> dict[Sort, int]:
    """How many there are of each sort."""
    counted = dict.fromkeys(SORTS, 0)
    async with context.database.reading() as connection:
        rows = await connection.execute(sa.text(_dead(SORTS)))
        for row in rows:
            counted[row.kind] += 1
    return counted


async def work_again(
    context: Context, *, kind: Sort, id: str | None, operator_id: UUID, once: Once | None
) -> int:
    """Has one done again as if it had just come in, or with no ``id`` the newest thousand of the sort.

    Returns how many. Raises ``DeadLetterNotFound`` for one that is not dead.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, int)) is not None:
            return kept
        count = await _revive(session, kind, id)
        if id is not None and not count:
            raise DeadLetterNotFound("There is no such dead letter.")
        await audit.record(
            session,
            actor_id=operator_id,
            action="dead_letter.worked_again",
            subject=f"{kind}:{id or 'all'}",
            detail={"count": count},
        )
        await keep(session, once, count)
        return count


async def _revive(session: AsyncSession, kind: Sort, id: str | None) -> int:
    only = "" if id is None else "WHERE id = :id"
    chosen = f"SELECT id FROM ({_dead((kind,))}) AS listed {only} ORDER BY at DESC LIMIT :limit"  # noqa: S608 - constants
    values: dict[str, object] = {"limit": AT_ONCE} | ({} if id is None else {"id": id})
    rows = (await session.execute(sa.text(f"WITH chosen AS ({chosen}) {AGAIN[kind]}"), values)).all()
    if kind == "stripe_event":
        for lane in sorted({row.lane for row in rows}):
            await settle_soon(session, lane)
    elif rows and kind in WAKES:
        await defer(session, WAKES[kind], queueing_lock=f"again:{kind}")
    return len(rows)
