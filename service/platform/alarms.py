"""Alarms: what operators have to hear of, kept for metrics and door 4; the log has each by itself."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.platform.tables import alarm

EVERY = timedelta(seconds=10)
"""The same alarm is written no more often, so that a flood of them does not wait for one row."""


@dataclass(frozen=True)
class Alarm:
    """``times`` it was written, at most once in ten seconds. By the machine's clock."""

    name: str
    detail: str
    times: int
    first_at: datetime
    last_at: datetime


async def raise_alarm(session: AsyncSession, name: str, detail: str) -> None:
    """``name`` is a fixed word; ``detail`` is of few kinds, such as a version: never an id or a text."""
    made = insert(alarm).values(name=name, detail=detail, times=1)
    await session.execute(
        made.on_conflict_do_update(
            index_elements=[alarm.c.name, alarm.c.detail],
            set_={"times": alarm.c.times + 1, "last_at": sa.func.now()},
            where=alarm.c.last_at < sa.func.now() - EVERY,
        )
    )


async def alarms(session: AsyncSession | AsyncConnection) -> list[Alarm]:
    """All there ever were, the latest first."""
    rows = await session.execute(sa.select(alarm).order_by(alarm.c.last_at.desc(), alarm.c.name))
    return [Alarm(**row._mapping) for row in rows]
