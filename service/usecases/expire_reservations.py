"""Gives back what calls reserved that never ended: their process died, or they took too long."""

from billing.metering import reservations
from service.answering.records import fail
from service.platform.database import zhihao_now
from service.platform.driver import driver_connection
from service.usecases.context import Context
from service.usecases.free_included import free_soon


async def expire_reservations(context: Context) -> int:
    """Ends every reservation past its expiry, unbilled, its running answer as failed; returns how many."""
    total, batch = 0, context.settings.sweep_batch
    while True:
        async with context.database.transaction() as session:
            now = await zhihao_now(session)
            ids, freed = await reservations.expire(await driver_connection(session), now=now, limit=batch)
            await fail(session, ids)
            await free_soon(session, freed)
        total += len(ids)
        if len(ids) < batch:
            return total
