"""A worker that is killed while it tells an endpoint loses no event: the next one tells it, under its id."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from service.platform.database import Database
from tests.integration.desks import desk_open
from tests.integration.receiving import Received, receiving
from tests.integration.serving import SETTINGS


@asynccontextmanager
async def worker(database_url: str, folder: Path) -> AsyncIterator[Process]:
    """A worker process of its own; killed at the end, if it still runs."""
    env = os.environ | {
        "ZHIHAO_DATABASE_URL": database_url,
        "ZHIHAO_DATA_DIR": str(folder),
        "ZHIHAO_SECRET_KEY": SETTINGS.secret_key.get_secret_value(),
        "ZHIHAO_EGRESS_ALLOW_LOOPBACK": "true",
        "ZHIHAO_OUTGOING_SWEEP_SECONDS": "1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "service.cli", "worker", env=env, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_no_event_is_lost_with_the_worker_that_was_telling_it(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    events = 3

    async def hangs(got: Received) -> tuple[int, str]:
        await asyncio.sleep(60)
        return 200, ""

    async with desk_open(database) as desk, receiving(hangs) as receiver:
        endpoint = await desk.endpoint(receiver.url)
        async with worker(database_url, tmp_path) as first:
            for number in range(events):
                await desk.happens("tip.received", number=number)
            await receiver.got(events, seconds=30)
            first.kill()
            await first.wait()
        assert {each["status"] for each in await desk.deliveries(endpoint)} == {"waiting"}
        receiver.answer = (200, "")
        # What the dead one had claimed comes due: here and now instead of in three quarters of a minute.
        await desk.execute("UPDATE webhook_delivery SET next_at = now()")
        async with worker(database_url, tmp_path):
            await receiver.got(2 * events, seconds=30)
            async with asyncio.timeout(10):
                while {each["status"] for each in await desk.deliveries(endpoint)} != {"delivered"}:  # noqa: ASYNC110 -- rows of another process
                    await asyncio.sleep(0.1)
    told = [got.headers["webhook-id"] for got in receiver.received]
    assert sorted(told[:events]) == sorted(told[events:])
    assert all(got.signed_with(endpoint["secret"]) for got in receiver.received)
