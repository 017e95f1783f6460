"""Usage has a partition for each month, made before the month begins."""

from datetime import timedelta

import structlog
from sqlalchemy import text

from service.platform.database import zhihao_now
from service.usecases.context import Context
from service.usecases.read_usage import month_of

log = structlog.get_logger(__name__)

# What came for a month that nobody had prepared is in the default partition, and moves out of it.
_WANTED = text(
    """
    SELECT DISTINCT month FROM (
      SELECT month FROM partitions.usage_event_default
      UNION ALL SELECT month FROM partitions.usage_share_default
      UNION ALL SELECT unnest(CAST(:ahead AS date[]))
    ) AS months ORDER BY month
    """
)


async def prepare_partitions(context: Context) -> int:
    """Makes the partitions of this month, of those to come, and of any whose rows have none; how many."""
    async with context.database.reading() as connection:
        now = await zhihao_now(connection)
        ahead = []
        for _ in range(context.settings.partition_months_ahead + 1):
            first, now = month_of(now)
            ahead.append(first.date())
            now += timedelta(hours=1)
        months = [month for (month,) in await connection.execute(_WANTED, {"ahead": ahead})]
    made = 0
    for month in months:
        async with context.database.transaction() as session:
            # Settling calls wait for this; if it cannot be had at once, it is tried at the next run.
            await session.execute(text("SET LOCAL lock_timeout = '2s'"))
            made += bool(await session.scalar(text("SELECT partitions.prepare(:month)"), {"month": month}))
    if made:
        log.info("partitions.made", months=made)
    return made
