"""How far the processor's own list of events has been read."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.processor.tables import event_mark


async def read_until(session: AsyncSession, endpoint: str, *, first_look: timedelta) -> datetime:
    """The time up to which events were read; ``first_look`` back when none ever were."""
    await session.execute(
        insert(event_mark)
        .values(endpoint=endpoint, read_until=sa.func.zhihao_now() - first_look)
        .on_conflict_do_nothing()
    )
    query = sa.select(event_mark.c.read_until).where(event_mark.c.endpoint == endpoint)
    moment: datetime = (await session.execute(query)).scalar_one()
    return moment


async def find(session: AsyncSession | AsyncConnection, endpoint: str) -> datetime | None:
    """The time up to which it was read; None when it never was."""
    moment: datetime | None = await session.scalar(
        sa.select(event_mark.c.read_until).where(event_mark.c.endpoint == endpoint)
    )
    return moment


async def move(session: AsyncSession, endpoint: str, *, read_until: datetime) -> None:
    """Moves the mark forward, never back."""
    await session.execute(
        sa.update(event_mark)
        .where(event_mark.c.endpoint == endpoint, event_mark.c.read_until < read_until)
        .values(read_until=read_until)
    )
