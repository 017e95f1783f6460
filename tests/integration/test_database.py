"""What the pool does about a server that went away."""

import asyncio

import psycopg
import pytest
import sqlalchemy as sa

from service.platform.database import Database


@pytest.mark.parametrize("writing", [False, True])
async def test_connections_that_the_server_closed_while_idle_are_replaced_unseen(
    database: Database, database_url: str, writing: bool
) -> None:
    async def backend() -> int:
        opened = database.transaction() if writing else database.reading()
        async with opened as connection:
            return int((await connection.execute(sa.text("SELECT pg_backend_pid()"))).scalar_one())

    closed = set(await asyncio.gather(*(backend() for _ in range(4))))
    with psycopg.connect(database_url, autocommit=True) as other:
        for pid in closed:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert closed.isdisjoint(await asyncio.gather(*(backend() for _ in range(8))))
