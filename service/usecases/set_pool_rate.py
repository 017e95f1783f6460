"""Operators say what share of the platform's net take is the traffic pool, and see what was divided."""

from datetime import date
from uuid import UUID

from billing.shares import pools
from billing.shares.pools import ClosedPool as ClosedPool
from billing.shares.pools import PoolRateFact as PoolRateFact
from service.accounts import audit
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context


async def set_pool_rate(
    context: Context,
    *,
    id: UUID,
    operator_id: UUID,
    bps: int,
    from_month: date | None,
    once: Once | None,
) -> PoolRateFact:
    """Holds from that month on, or from the running one. Raises ``InvalidPoolRate``."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, PoolRateFact)) is not None:
            return kept
        now = await zhihao_now(session)
        made = await pools.set_pool_rate(
            session, id=id, from_month=from_month, bps=bps, set_by=operator_id, now=now
        )
        await audit.record(
            session,
            actor_id=operator_id,
            action="pool_rate.set",
            subject="platform",
            detail={"bps": bps, "from_month": made.from_month.isoformat()},
        )
        await keep(session, once, made)
        return made


async def list_pool_rates(context: Context, *, before: UUID | None, limit: int) -> list[PoolRateFact]:
    """Every rate that was set, newest first."""
    async with context.database.reading() as connection:
        return await pools.list_pool_rates(connection, before=before, limit=limit)


async def list_pools(context: Context, *, before: tuple[date, str] | None, limit: int) -> list[ClosedPool]:
    """The pools that were divided, newest first."""
    async with context.database.reading() as connection:
        return await pools.list_closed(connection, before=before, limit=limit)
