"""The database: one engine, transactions, and the database's own clock.

A session is opened here and only by use cases; rooms receive it. Nothing commits behind the caller's back:
``transaction()`` commits when its block ends well and rolls back otherwise.
"""

import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import psycopg
from sqlalchemy import event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

_NOW = text("SELECT zhihao_now()")


class DatabaseUnreachable(Exception):
    """The database cannot be used at all: its address is wrong, or it does not answer."""


def driver_url(url: str) -> str:
    """The SQLAlchemy form of a ``postgresql://`` address, naming the psycopg 3 driver.

    Raises ``DatabaseUnreachable`` for any other address.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise DatabaseUnreachable("ZHIHAO_DATABASE_URL must start with postgresql://")
    return f"postgresql+psycopg://{rest}"


class Database:
    """A pool of connections to PostgreSQL.

    ``pool_size`` connections are kept, ``max_overflow`` more may be opened; who waits longer than
    ``pool_timeout`` seconds gets ``sqlalchemy.exc.TimeoutError``, which the doors answer with a 503.
    """

    def __init__(self, url: str, *, pool_size: int, max_overflow: int, pool_timeout: float) -> None:
        self.engine: AsyncEngine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=pool_timeout,
            hide_parameters=True,  # an error is logged, and what was asked or written is not for logs
        )
        event.listen(self.engine.sync_engine, "checkout", _look)
        self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session in a transaction: committed at the end of the block, rolled back on an exception."""
        async with self._sessions() as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection in autocommit for reads: no BEGIN, no COMMIT, one round trip a query."""
        async with self._reader.connect() as connection:
            yield connection

    async def close(self) -> None:
        await self.engine.dispose()


def _look(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
    """A connection that the server closed while nobody used it has something to be read, its end: it is
    replaced. To look costs microseconds; to ask the server on each checkout was a fifth of all trips."""
    driver = connection.driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    if driver.closed:
        raise DisconnectionError
    waiting = select.poll()
    waiting.register(driver.fileno(), select.POLLIN)
    if waiting.poll(0):
        raise DisconnectionError


async def zhihao_now(session: AsyncSession | AsyncConnection) -> datetime:
    """The database's time, the only clock that decides an expiry (UTC, timezone-aware).

    It is the start of the transaction, plus a stored offset that exists in sandbox mode only.
    """
    result = await session.execute(_NOW)
    moment: datetime = result.scalar_one()
    return moment
