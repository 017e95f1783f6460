"""Work that one process at a time does, whichever it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text

from service.platform.database import Database

_TRY = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_LEAVE = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")


@asynccontextmanager
async def alone(database: Database, name: str) -> AsyncIterator[bool]:
    """Whether this is the only one inside, of all processes on the database; nobody waits.

    One connection is held meanwhile, with no transaction. PostgreSQL lets go when it ends, however it ends,
    and it does not go back to the pool unless it was let go of.
    """
    async with database.reading() as connection:
        mine = bool((await connection.execute(_TRY, {"name": f"alone:{name}"})).scalar_one())
        try:
            yield mine
        except BaseException:
            await connection.invalidate()
            raise
        if mine:
            await connection.execute(_LEAVE, {"name": f"alone:{name}"})
