"""A deferred job runs after what it was deferred for, however the two meet."""

from datetime import UTC, datetime, timedelta

import procrastinate
import pytest
import sqlalchemy as sa

from service.platform.database import Database
from service.platform.jobs import defer
from service.worker import Jobs

FETCH = sa.text("SELECT id FROM procrastinate_fetch_job_v2(NULL, :worker)")
WORKER = sa.text("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id")


async def fetched(database: Database) -> int | None:
    """The job that a worker would start now."""
    async with database.transaction() as session:
        worker = (await session.execute(WORKER)).scalar_one()
        found: int | None = (await session.execute(FETCH, {"worker": worker})).scalar_one()
        return found


async def test_a_waiting_job_does_not_start_before_the_change_it_was_asked_to_see(database: Database) -> None:
    async with database.transaction() as session:
        await defer(session, "index_card", queueing_lock="card")
    async with database.transaction() as session:
        await defer(session, "index_card", queueing_lock="card")
        assert await fetched(database) is None, "it would read the state before this transaction"
    first = await fetched(database)
    assert first is not None
    assert await fetched(database) is None, "one job does for both"


async def test_a_change_while_the_job_runs_makes_another(database: Database) -> None:
    for _ in range(2):
        async with database.transaction() as session:
            await defer(session, "index_card", queueing_lock="card")
        assert await fetched(database) is not None


async def test_a_job_that_waits_to_be_tried_again_is_brought_forward(database: Database) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    async with database.transaction() as session:
        await defer(session, "index_card", queueing_lock="card", at=later)
    assert await fetched(database) is None
    async with database.transaction() as session:
        await defer(session, "index_card", queueing_lock="card")
    assert await fetched(database) is not None


@pytest.mark.parametrize("later", [None, timedelta(hours=1)])
async def test_a_job_that_is_to_be_tried_again_while_its_like_waits_is_left_to_that_one(
    database: Database, database_url: str, later: timedelta | None
) -> None:
    """Of a worker that died, or of a job that failed: the one in hand would hold their lock for good."""
    async with database.transaction() as session:
        await defer(session, "index_card", lock="cards", queueing_lock="card")
    assert await fetched(database) is not None
    async with database.transaction() as session:
        at = datetime.now(UTC) + later if later else None
        await defer(session, "index_card", lock="cards", queueing_lock="card", at=at)
    assert await fetched(database) is None, "the first has their lock"
    connector = procrastinate.PsycopgConnector(conninfo=database_url, min_size=1, max_size=1)
    async with procrastinate.App(connector=connector).open_async() as app:
        jobs = Jobs(app.connector)
        [stalled] = await jobs.get_stalled_jobs(seconds_since_heartbeat=-1)
        await jobs.retry_job(stalled)
    assert await fetched(database) not in {None, stalled.id}
