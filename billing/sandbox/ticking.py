"""Works what falls due by the sandbox's own time, and forgets what is old."""

import asyncio
import logging

from billing.sandbox import timeline
from billing.sandbox.runtime import Runtime

log = logging.getLogger(__name__)


async def tick_forever(runtime: Runtime) -> None:
    """Looks every tick; outlives a database that is away for a while."""
    while True:
        await asyncio.sleep(runtime.config.tick_seconds)
        try:
            if await due(runtime):
                async with runtime.work() as store:
                    await timeline.run(store, store.now)
                runtime.deliver_soon()
        except Exception:
            log.exception("tick.failed")
            await asyncio.sleep(5)


async def due(runtime: Runtime) -> bool:
    """Whether anything is; asked first, so that an idle sandbox takes no lock."""
    async with runtime.pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT EXISTS (SELECT FROM sandbox.object WHERE due <= %s AND clock IS NULL)", [runtime.now()]
        )
        row = await cursor.fetchone()
        return row is not None and bool(row[0])
