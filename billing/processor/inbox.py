"""The inbox: what the processor told us, stored once before it is acknowledged, worked later, lane by lane.

A lane is what must be worked one at a time: a customer's objects, or a payment's. Whoever works a lane holds
it for a while, across calls to the processor and with no transaction open. Each holder has a fence, a number
above those before it; what it has fetched is written only while its fence is the newest, so that a holder
that was taken for dead can do no harm.

Times here are the machine's, not the sandbox's movable clock: they say when to try again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.processor.port import ProcessorEvent
from billing.processor.tables import processor_lane, stripe_event

FIRST_RETRY_SECONDS = 2
LAST_RETRY_SECONDS = 3600
PATIENT_RETRY_SECONDS = 300


class LaneLost(Exception):
    """Another holder has the lane: this one took too long, and what it fetched may be old."""


@dataclass(frozen=True)
class Lane:
    """The right to write what was fetched, for as long as no other holder comes."""

    name: str
    fence: int


@dataclass(frozen=True)
class StoredEvent:
    """An event to be worked; ``attempts`` failed before."""

    id: str
    type: str
    account: str | None
    attempts: int
    raw: bytes


_AFTER = sa.func.clock_timestamp() + sa.bindparam("wait", type_=sa.Interval)
_OF = sa.bindparam("of", type_=sa.Text)
_DUE_NOW = sa.and_(
    stripe_event.c.lane == _OF,
    stripe_event.c.status == "stored",
    stripe_event.c.due_at <= sa.func.clock_timestamp(),
)
# Made once, since every event asks them several times.
_CLOCK = sa.select(sa.func.clock_timestamp())
_STORE = (
    insert(stripe_event)
    .on_conflict_do_nothing(index_elements=[stripe_event.c.id])
    .returning(stripe_event.c.id)
)
_TAKE = (
    insert(processor_lane)
    .values(lane=_OF, fence=1, held_until=_AFTER)
    .on_conflict_do_update(
        index_elements=[processor_lane.c.lane],
        set_={"fence": processor_lane.c.fence + 1, "held_until": _AFTER},
        where=processor_lane.c.held_until <= sa.func.clock_timestamp(),
    )
    .returning(processor_lane.c.fence)
)
_GUARD = (
    sa.update(processor_lane)
    .where(processor_lane.c.lane == _OF, processor_lane.c.fence == sa.bindparam("mine"))
    .values(held_until=sa.func.greatest(processor_lane.c.held_until, _AFTER))
    .returning(processor_lane.c.lane)
)
_WAITING = sa.select(sa.exists().where(_DUE_NOW))
_RELEASE = (
    sa.update(processor_lane).where(processor_lane.c.lane == _OF).values(held_until=sa.func.clock_timestamp())
)
_DUE = (
    sa.select(
        stripe_event.c.id,
        stripe_event.c.type,
        stripe_event.c.account,
        stripe_event.c.attempts,
        stripe_event.c.raw,
    )
    .where(_DUE_NOW)
    .order_by(stripe_event.c.created_at, stripe_event.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_WORKED = (
    sa.update(stripe_event)
    .where(stripe_event.c.id.in_(sa.bindparam("ids", expanding=True)), stripe_event.c.status != "worked")
    .values(
        status="worked",
        worked_at=sa.func.clock_timestamp(),
        outcome=sa.bindparam("how"),
        attempts=stripe_event.c.attempts + 1,
    )
)


async def clock(session: AsyncSession) -> datetime:
    """The database machine's time."""
    moment: datetime = (await session.execute(_CLOCK)).scalar_one()
    return moment


async def store(session: AsyncSession, event: ProcessorEvent, *, endpoint: str) -> bool:
    """Keeps the event; False when it was kept before."""
    values = {
        "id": event.id,
        "endpoint": endpoint,
        "account": event.account,
        "type": event.type,
        "object_id": event.object_id,
        "lane": event.lane,
        "livemode": event.livemode,
        "api_version": event.api_version,
        "created_at": event.created_at,
        "raw": event.raw,
    }
    return (await session.execute(_STORE, values)).one_or_none() is not None


async def unknown(session: AsyncSession, events: Sequence[ProcessorEvent]) -> list[ProcessorEvent]:
    """Those of the events that were never stored, in their order."""
    ids = [event.id for event in events]
    known = set(
        (await session.execute(sa.select(stripe_event.c.id).where(stripe_event.c.id.in_(ids)))).scalars()
    )
    return [event for event in events if event.id not in known]


async def take(session: AsyncSession, lane: str, *, seconds: float) -> Lane | None:
    """The lane, held for ``seconds``; None while another holds it."""
    row = await session.execute(_TAKE, {"of": lane, "wait": timedelta(seconds=seconds)})
    fence = row.scalar_one_or_none()
    return None if fence is None else Lane(lane, fence)


async def guard(session: AsyncSession, lane: Lane | None, *, seconds: float = 0) -> None:
    """Holds others off to the end of the transaction, and longer by ``seconds``. Raises ``LaneLost``.

    None guards nothing, for what is written without a lane.
    """
    if lane is None:
        return
    row = await session.execute(
        _GUARD, {"of": lane.name, "mine": lane.fence, "wait": timedelta(seconds=seconds)}
    )
    if row.one_or_none() is None:
        raise LaneLost(f"the lane {lane.name} has another holder")


async def release(session: AsyncSession, lane: Lane) -> bool:
    """Lets go of the lane; False, and the lane kept, when more has come that is due now."""
    await guard(session, lane)
    if await session.scalar(_WAITING, {"of": lane.name}):
        return False
    await session.execute(_RELEASE, {"of": lane.name})
    return True


async def let_go(session: AsyncSession, lane: Lane) -> None:
    """Lets go of the lane whatever waits in it, if it is still held; others are to see to what waits."""
    await session.execute(
        sa.update(processor_lane)
        .where(processor_lane.c.lane == lane.name, processor_lane.c.fence == lane.fence)
        .values(held_until=sa.func.clock_timestamp())
    )


async def due(session: AsyncSession, lane: Lane, *, limit: int = 100) -> list[StoredEvent]:
    """The lane's events that wait to be worked, oldest first."""
    rows = await session.execute(_DUE, {"of": lane.name, "most": limit})
    return [StoredEvent(row.id, row.type, row.account, row.attempts, row.raw or b"") for row in rows]


async def worked(session: AsyncSession, ids: Sequence[str], *, outcome: str) -> None:
    """The events have done what they had to, which ``outcome`` names."""
    await session.execute(_WORKED, {"ids": ids, "how": outcome})


async def failed(
    session: AsyncSession, events: Sequence[StoredEvent], *, error: str, max_attempts: int | None
) -> float | None:
    """Puts the events off, each time for twice as long; after ``max_attempts`` they are dead letters.

    With None they never are, and are tried again every few minutes. Returns the seconds until they are due
    again, None when they are dead.
    """
    attempts = max(event.attempts for event in events) + 1
    dead = max_attempts is not None and attempts >= max_attempts
    longest = PATIENT_RETRY_SECONDS if max_attempts is None else LAST_RETRY_SECONDS
    wait = min(FIRST_RETRY_SECONDS * 2 ** min(attempts - 1, 20), longest)
    await session.execute(
        sa.update(stripe_event)
        .where(stripe_event.c.id.in_([event.id for event in events]), stripe_event.c.status == "stored")
        .values(
            status="dead" if dead else "stored",
            attempts=attempts,
            due_at=_after(wait),
            outcome=error[:1000],
        )
    )
    return None if dead else wait


async def forgotten_lanes(
    session: AsyncSession | AsyncConnection, *, older_than: timedelta, limit: int
) -> list[str]:
    """Lanes with events that have been due for a while: stored, and somehow never worked."""
    query = sa.select(stripe_event.c.lane).where(
        stripe_event.c.status == "stored", stripe_event.c.due_at < sa.func.clock_timestamp() - older_than
    )
    rows = await session.execute(query.order_by(stripe_event.c.due_at).limit(limit))
    return list(dict.fromkeys(row.lane for row in rows))


async def empty_bodies(session: AsyncSession, *, older_than: timedelta) -> None:
    """Drops the raw bodies of events that were worked that long ago."""
    await session.execute(
        sa.update(stripe_event)
        .where(
            stripe_event.c.raw.is_not(None),
            stripe_event.c.worked_at < sa.func.clock_timestamp() - older_than,
        )
        .values(raw=None)
    )


def _after(seconds: float) -> sa.ColumnElement[object]:
    return sa.func.clock_timestamp() + timedelta(seconds=seconds)
