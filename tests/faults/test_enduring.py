"""What goes on while something else is away: Stripe for hours, the last connection, the right time."""

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.access.admission import SpendCapReached
from service.platform.database import Database
from service.subscriber_api.accounts import router as sign_in
from service.usecases.check_invariants import check_invariants
from service.usecases.open_gate import open_gate
from tests.contract.sandbox_process import sandbox_running
from tests.faults.running import environment
from tests.integration.metering import make_customer, make_knowledge_base, run
from tests.integration.serving import SETTINGS, bare_context, register, serving
from tests.simulation.market import market_open

HOUR = 3600
OFF_BY = {"ahead": HOUR, "behind": -HOUR}
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *at) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int failed = real(id, at);
  if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += OFF_BY;
  return failed;
}
int gettimeofday(struct timeval *at, void *zone) {
  struct timespec now;
  int failed = clock_gettime(CLOCK_REALTIME, &now);
  if (!failed) { at->tv_sec = now.tv_sec; at->tv_usec = now.tv_nsec / 1000; }
  return failed;
}
time_t time(time_t *at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}
"""


async def test_access_and_caps_go_on_while_stripe_is_down_for_hours(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    with sandbox_running(database_url) as sandbox:
        async with market_open(database, sandbox, tmp_path, patience=1.0, retries=0) as market:
            creator = await market.creator("c", "cny", 990, 9900)
            company, reader = await market.company("o"), await market.reader("r")
            await market.buy(reader, creator, "month")
            await market.advance(5)
            cap = {"amount": 100, "currency": "cny"}
            await market.call(
                "PUT", f"/enterprise/v1/organizations/{company.id}/spend-cap", company.owner, cap
            )
            await market.control("POST", "faults", {"outage": True})
            market.faulty = True
            answered = 0
            for _ in range(6):
                await market.pass_time(HOUR)
                for job in ("report_usage", "sweep_stripe_events", "pay_creators"):
                    await market.periodic(job)
                seen = await market.call("GET", f"/v1/knowledge-bases/{creator.base_id}", reader)
                assert seen["entitlement"]["tier"] == "all", seen["entitlement"]
                try:
                    answered += await market.metered(company, "answers", {creator.base_id: 1}) == 20
                except SpendCapReached:
                    assert answered == 5
            assert answered == 5
            sent = await market.rows("SELECT count(*) FROM usage_bucket WHERE sent_total > 0")
            assert sent[0].count == 0
            await market.control("DELETE", "faults")
            market.faulty = False
            await market.tick()
            arrived = await market.rows(
                "SELECT sum(sent_total)::int AS units FROM usage_bucket WHERE NOT due"
            )
            assert arrived[0].units == 5
            assert not [found for found in await check_invariants(market.context) if found.faults]


async def test_with_no_connection_left_callers_are_told_to_come_again(database_url: str) -> None:
    database = Database(database_url, pool_size=2, max_overflow=0, pool_timeout=0.3)
    context = bare_context(database, SETTINGS, gate=open_gate(database, SETTINGS))
    assert context.gate is not None
    try:
        async with serving(context, [sign_in]) as client:
            somebody = await register(client, "somebody")
            async with database.transaction() as one, database.transaction() as other:
                for session in (one, other):
                    await session.connection()
                refused = await client.get("/me", headers=somebody.headers)
                assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
                assert int(refused.headers["retry-after"]) > 0
            again = await client.get("/me", headers=somebody.headers)
            assert again.status_code == 200
    finally:
        await context.gate.close()
        await database.close()


# --- the right time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", OFF_BY)
async def test_a_machine_an_hour_off_decides_by_the_databases_clock(
    database: Database, database_url: str, tmp_path: Path, way: str
) -> None:
    """The doors run in a process whose every clock is off; the database and Stripe have the right time."""
    base, customer = await make_knowledge_base(database), await make_customer(database)
    told = _done_off_by(OFF_BY[way], tmp_path, database_url, str(base), customer.secret_hash.hex())
    assert abs(told["off_by"] - OFF_BY[way]) < 600, "the clock was not off"
    assert (told["me"], told["webhook"], told["old_webhook"]) == (200, 200, 400)
    assert told["expired"] == 0
    ((life, age, event_age),) = await run(
        database,
        "SELECT r.expires_at - r.created_at, now() - r.created_at, now() - e.at"
        " FROM reservation AS r JOIN usage_event AS e ON e.call_id = r.id WHERE state = 'settled'",
    )
    assert life == timedelta(seconds=SETTINGS.reservation_seconds)
    assert timedelta(0) <= age < timedelta(minutes=10)
    assert timedelta(0) <= event_age < timedelta(minutes=10)


def _done_off_by(seconds: int, folder: Path, *arguments: str) -> dict[str, Any]:
    """What a process with such a clock printed."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no compiler to make a wrong clock with")
    source, shim = folder / "off.c", folder / "off.so"
    source.write_text(SHIM)
    off_by = f"-DOFF_BY=({seconds})"
    subprocess.run([compiler, "-shared", "-fPIC", off_by, "-o", shim, source, "-ldl"], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.clock_process", *arguments],
        env=environment(folder, LD_PRELOAD=str(shim), ZHIHAO_TEST_NOW=str(datetime.now(UTC).timestamp())),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
