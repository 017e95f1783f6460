"""What the running process holds: the pool, the clock, the faults, the wish to deliver."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from billing.sandbox.config import Config
from billing.sandbox.faults import Faults
from billing.sandbox.rules import Rules
from billing.sandbox.schema import LOCK, create_schema
from billing.sandbox.store import Origin, Store

Pool = AsyncConnectionPool[AsyncConnection[Any]]


@dataclass
class Runtime:
    """One process of the sandbox. ``offset`` is how far its time is ahead of the machine's, in seconds."""

    config: Config
    pool: Pool
    faults: Faults = field(default_factory=Faults)
    rules: Rules = field(default_factory=Rules)
    offset: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def prepare(self) -> None:
        """Makes the schema, and finds the time as it was left."""
        async with self.pool.connection() as connection:
            await create_schema(connection)
            cursor = await connection.execute("SELECT name, value FROM sandbox.setting")
            kept = dict(await cursor.fetchall())
            self.offset = kept.get("offset", 0)
            self.rules = Rules().changed(kept.get("rules", {}))

    def now(self) -> int:
        """The sandbox's time."""
        return int(time.time()) + self.offset

    async def set_offset(self, store: Store, offset: int) -> None:
        """Moves the sandbox's time; kept over a restart."""
        await _keep(store, "offset", offset)
        self.offset = offset

    async def set_rules(self, store: Store, rules: Rules) -> None:
        """Other rules from now on; kept over a restart."""
        await _keep(store, "rules", asdict(rules))
        self.rules = rules

    @asynccontextmanager
    async def work(
        self, account: str = "", origin: Origin | None = None, *, writes: bool = True
    ) -> AsyncIterator[Store]:
        """A transaction on an account's objects. Writers come one at a time, so no object is ever torn."""
        async with self.pool.connection() as connection, connection.transaction():
            if writes:
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            yield Store(connection, self.config, account, self.now(), origin or Origin(), self.rules)

    @staticmethod
    def platform(store: Store) -> Store:
        """The platform's own objects, in the same transaction."""
        return store.of("")

    def deliver_soon(self) -> None:
        """Something may have been written that wants delivering."""
        self.wake.set()


async def _keep(store: Store, name: str, value: object) -> None:
    await store.connection.execute(
        "INSERT INTO sandbox.setting (name, value) VALUES (%s, %s)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, Jsonb(value)],
    )
