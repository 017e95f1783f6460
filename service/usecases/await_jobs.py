"""Waits until the background has nothing left to do."""

import asyncio

from service.platform.jobs import unfinished
from service.usecases.context import Context


async def await_jobs(context: Context, *, seconds: float) -> None:
    """Returns when no job waits or runs, looked at every ``seconds``; jobs by the clock do not count."""
    while True:
        async with context.database.reading() as connection:
            if not await unfinished(connection):
                return
        await asyncio.sleep(seconds)
