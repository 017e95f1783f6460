"""The driver's own connection under a session: for pipelines, where many statements are one round trip."""

from typing import Any

from psycopg import AsyncConnection as DriverConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession


async def driver_connection(session: AsyncSession | AsyncConnection) -> DriverConnection[Any]:
    """What runs on it is part of the session's transaction; committing stays with its owner."""
    connection = await session.connection() if isinstance(session, AsyncSession) else session
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, DriverConnection)
    return raw
