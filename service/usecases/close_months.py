"""Some days after a month's end its traffic pool is divided among those whose free content was read."""

from datetime import UTC, date, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from billing.shares import pools, reads
from billing.shares.dividing import PoolLimits
from service.platform.database import zhihao_now
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.index_card import suspended

log = structlog.get_logger(__name__)


async def close_months(context: Context) -> int:
    """The periodic job: closes every month that is due and was read in. Returns how many it closed.

    A month is one transaction, so that it is divided once, and whole.
    """
    async with context.database.transaction() as session:
        months = await reads.due(session, days=context.settings.pool_close_days)
    closed = 0
    for month in months:
        async with context.database.transaction() as session:
            closed += await _close(context, session, month)
    return closed


async def _close(context: Context, session: AsyncSession, month: date) -> bool:
    if not await reads.lock(session, month):
        return False
    settings = context.settings
    start, end = _bounds(month)
    readers, readings = await reads.count(session, month, per_network=settings.pool_accounts_per_network)
    creators = sorted({reading.creator_id for reading in readings})
    not_eligible = await suspended(await session.connection(), creators)
    bps = await pools.pool_rate_bps(session, month=month, default=settings.pool_bps)
    await pools.keep_readings(session, month, readings)
    for currency, net_take in (await pools.net_takes(session, start=start, end=end)).items():
        pool = await pools.close_pool(
            session,
            id=new_id(),
            month=month,
            currency=currency,
            net_take=net_take,
            bps=bps,
            readers=readers,
            readings=readings,
            limits=PoolLimits(settings.pool_creator_max_bps, settings.pool_min_readers),
            not_eligible=not_eligible,
            now=await zhihao_now(session),
        )
        log.info(
            "pool.closed",
            month=str(month),
            currency=currency,
            pool=pool.pool.amount,
            distributed=pool.distributed.amount,
        )
    await reads.close(session, month)
    return True


def _bounds(month: date) -> tuple[datetime, datetime]:
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    return start, (start + timedelta(days=32)).replace(day=1)
