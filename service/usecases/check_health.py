"""Says of each thing the service leans on whether it answers now."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text

from search.engine.port import CardQuery
from service.platform.database import zhihao_now
from service.usecases.context import Context

PATIENCE_SECONDS = 3.0

_WORKERS = text(
    """
    SELECT count(*) FROM procrastinate_workers
    WHERE last_heartbeat > now() - make_interval(secs => :stalled)
    """
)


@dataclass(frozen=True)
class DependencyHealth:
    """``reason`` names the kind of failure, never an address or a credential."""

    status: Literal["ok", "down"]
    reason: str | None = None


@dataclass(frozen=True)
class Health:
    """``ready`` is whether requests can be served at all: whether the database answers. Without search,
    payments or jobs the rest goes on, so those are ``degraded``."""

    status: Literal["ready", "degraded", "down"]
    dependencies: dict[str, DependencyHealth]


async def check_health(context: Context) -> Health:
    """Asks everything at once; what does not answer in 3 s is down."""
    checks = {
        "database": _database(context),
        "search": _search(context),
        "payments": _payments(context),
        "jobs": _jobs(context),
    }
    found = dict(zip(checks, await asyncio.gather(*map(_asked, checks.values())), strict=True))
    if found["database"].status == "down":
        return Health("down", found)
    well = all(dependency.status == "ok" for dependency in found.values())
    return Health("ready" if well else "degraded", found)


async def _asked(check: Awaitable[None]) -> DependencyHealth:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check
    except Exception as error:  # whatever it is, it is what the answer is about
        return DependencyHealth("down", type(error).__name__)
    return DependencyHealth("ok")


async def _database(context: Context) -> None:
    async with context.database.reading() as connection:
        await connection.execute(text("SELECT 1"))


async def _search(context: Context) -> None:
    await context.cards.search(CardQuery(limit=1))


async def _payments(context: Context) -> None:
    async with context.database.reading() as connection:
        now = await zhihao_now(connection)
    await context.payments.list_events(since=now)


class NoWorker(Exception):
    """No worker has shown itself lately: jobs wait."""


async def _jobs(context: Context) -> None:
    stalled = context.settings.job_stalled_seconds * 2
    async with context.database.reading() as connection:
        alive = (await connection.execute(_WORKERS, {"stalled": stalled})).scalar_one()
    if not alive:
        raise NoWorker
