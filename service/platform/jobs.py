"""Background jobs: deferred by name, inside the caller's transaction.

A job exists exactly when the caller's transaction commits. ``service.worker`` binds the names to use cases.
"""

import json
from datetime import datetime

from sqlalchemy import DateTime, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

QUEUE = "default"

Argument = str | int | bool | None

_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")

_DEFER = text(
    """
    SELECT procrastinate_defer_jobs_v1(ARRAY[
      ROW(:queue, :name, :priority, :lock, :queueing_lock, CAST(:args AS jsonb), CAST(:at AS timestamptz))
    ]::procrastinate_job_to_defer_v1[])
    """
)

# Touching the waiting job holds it until the caller's transaction ends: a worker passes over a locked row,
# so the job cannot start in between and miss what the caller is about to commit. One that waits to be tried
# again is brought forward.
_WAITING = text(
    """
    UPDATE procrastinate_jobs
    SET scheduled_at =
      CASE WHEN scheduled_at IS NOT NULL THEN least(scheduled_at, coalesce(:at, now())) END
    WHERE queueing_lock = :queueing_lock AND status = 'todo'
    RETURNING id
    """
).bindparams(bindparam("at", type_=DateTime(timezone=True)))


async def defer(
    session: AsyncSession,
    name: str,
    *,
    lock: str | None = None,
    queueing_lock: str | None = None,
    at: datetime | None = None,
    priority: int = 0,
    **args: Argument,
) -> None:
    """Adds the job ``name`` to the caller's transaction.

    Jobs that share a ``lock`` run one at a time, in the order they were deferred. While a job with the
    same ``queueing_lock`` waits unstarted, this does nothing: the waiting one will see the new state.
    ``at`` delays it; a higher ``priority`` runs first.
    """
    if queueing_lock is not None:
        # Serialized by an advisory lock to the end of the transaction, since the unique index behind
        # queueing_lock would otherwise turn a race into a failed transaction of the caller's.
        await session.execute(_ALONE, {"key": f"defer:{queueing_lock}"})
        if (await session.execute(_WAITING, {"queueing_lock": queueing_lock, "at": at})).first():
            return
    await session.execute(
        _DEFER,
        {
            "queue": QUEUE,
            "name": name,
            "priority": priority,
            "lock": lock,
            "queueing_lock": queueing_lock,
            "args": json.dumps(args),
            "at": at,
        },
    )


async def unfinished(connection: AsyncConnection) -> int:
    """How many jobs wait or run, those by the clock left out."""
    result = await connection.execute(
        text(
            "SELECT count(*) FROM procrastinate_jobs"
            " WHERE status IN ('todo', 'doing') AND task_name NOT LIKE 'periodic.%'"
        )
    )
    count: int = result.scalar_one()
    return count
