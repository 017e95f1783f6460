"""What the running process holds: the pool, the clock, the faults, the wish to deliver."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from billing.sandbox.config import Config
from billing.sandbox.faults import Faults
from billing.sandbox.schema import LOCK, create_schema
from billing.sandbox.store import Origin, Store

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@dataclass
class Runtime:
    """One process of the sandbox. ``offset`` is how far its time is ahead of the machine's, in seconds."""

    config: Config
    pool: Pool
    faults: Faults = field(default_factory=Faults)
    offset: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def prepare(self) -> None:
        """Makes the schema, and finds the time as it was left."""
        async with self.pool.connection() as connection:
            await create_schema(connection)
            cursor = await connection.execute("SELECT value FROM sandbox.setting WHERE name = 'offset'")
            row = await cursor.fetchone()
            self.offset = 0 if row is None else row[0]

    def now(self) -> int:
        """The sandbox's time."""
        return int(time.time()) + self.offset

    async def set_offset(self, store: Store, offset: int) -> None:
        """Moves the sandbox's time; kept over a restart."""
        await store.connection.execute(
            "INSERT INTO sandbox.setting (name, value) VALUES ('offset', %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [Jsonb(offset)],
        )
        self.offset = offset

    @asynccontextmanager
    async def work(
        self, account: str = "", origin: Origin | None = None, *, writes: bool = True
    ) -> AsyncIterator[Store]:
        """A transaction on an account's objects. Writers come one at a time, so no object is ever torn."""
        async with self.pool.connection() as connection, connection.transaction():
            if writes:
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            yield Store(connection, self.config, account, self.now(), origin or Origin())

    @staticmethod
    def platform(store: Store) -> Store:
        """The platform's own objects, in the same transaction."""
        return replace(store, account="")

    def deliver_soon(self) -> None:
        """Something may have been written that wants delivering."""
        self.wake.set()
