"""Kill loops: a part of one served world is killed again and again at moments drawn from a seed, while people
call, pay and are paid. What was acknowledged is there afterwards, once, here and at Stripe."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import psycopg
import pytest

from tests.faults.market import Market, market_served
from tests.faults.retrying import CUT
from tests.faults.running import children, command, stretched, until
from tests.own_time import own_time
from tests.scale import times

pytestmark = [pytest.mark.soak, pytest.mark.timed]

KILLS = times(5, 1000)
SEED = int(os.environ.get("ZHIHAO_TEST_SEED", "20260722"))
BACK_SECONDS = 10
STALLED_SECONDS = 6
SLOW_SECONDS = 0.3
BUSY = 4.0
"""With more than so many processes that want to compute, no time is held against the service."""


@pytest.fixture(scope="module")
def market() -> Iterator[Market]:
    with market_served() as made:
        yield made


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it fell with another
            os.kill(pid, signal.SIGKILL)


def comes_back(market: Market) -> None:
    """Ready, and acknowledging calls again, in time if the machine is quiet."""
    callers = market.callers
    began, before = own_time(), callers.acknowledged
    market.running.wait_until_ready(stretched(30))
    until(
        lambda: callers.acknowledged > before or bool(callers.failed), stretched(30), "an acknowledged call"
    )
    assert own_time() - began < BACK_SECONDS or os.getloadavg()[0] > BUSY


def everything_adds_up(market: Market) -> None:
    market.settle()
    market.every_call_counted_once()
    market.as_many_as_at_stripe()
    market.as_much_usage_as_at_stripe()
    market.books_are_whole()


def test_an_api_worker_killed_in_the_middle_of_calls(market: Market) -> None:
    draws, callers = random.Random(f"{SEED}:api"), market.callers
    with callers.calling(SEED):
        for _ in range(KILLS):
            time.sleep(draws.uniform(0.05, 1.0))
            workers = market.running.api_workers()
            kill(*draws.sample(workers, min(len(workers), draws.choice([1, 1, 2]))))
            comes_back(market)
    assert callers.told_so(CUT), "no kill met a call"
    everything_adds_up(market)


def test_the_worker_killed_between_a_call_to_stripe_and_its_commit(market: Market) -> None:
    """Stripe does at once what it is asked and says so late: most kills fall in between."""
    draws, callers = random.Random(f"{SEED}:worker"), market.callers
    met = 0
    market.tip()
    market.settle()
    market.trouble(timeouts=1_000_000_000, delay_seconds=SLOW_SECONDS)
    with callers.calling(SEED + 1):
        for number in range(KILLS):
            victim = market.running.part("zhihao-worker")
            market.tip()
            if number % 2 == 0:
                market.refund_left_to_the_worker()
            market.defer("pay_creators")
            until(lambda: bool(doing(market)), stretched(15), "a job")
            time.sleep(draws.uniform(0.0, 1.5))
            met += doing(market)
            kill(victim)
    assert met, "no kill met a job"
    market.trouble()
    began = own_time()
    until(lambda: not fallen(market), stretched(30), "the jobs of the dead")
    assert own_time() - began < 2 * STALLED_SECONDS + 3 or os.getloadavg()[0] > BUSY
    everything_adds_up(market)
    assert market.at_stripe("transfers") and market.at_stripe("refunds"), "nothing was there to be doubled"


def doing(market: Market) -> int:
    """How many jobs the living worker is at."""
    (row,) = market.rows(
        "SELECT count(*) FROM procrastinate_jobs JOIN procrastinate_workers"
        " ON worker_id = procrastinate_workers.id"
        " WHERE status = 'doing' AND last_heartbeat > now() - interval '3 seconds'"
    )
    return int(row[0])


def fallen(market: Market) -> int:
    """How many jobs a worker that is gone was at, and nobody has taken up."""
    (row,) = market.rows(
        "SELECT count(*) FROM procrastinate_jobs LEFT JOIN procrastinate_workers"
        " ON worker_id = procrastinate_workers.id WHERE status = 'doing'"
        " AND coalesce(last_heartbeat < now() - interval '6 seconds', true)"
    )
    return int(row[0])


def test_the_database_killed_in_commits(market: Market) -> None:
    draws, callers = random.Random(f"{SEED}:database"), market.callers
    with callers.calling(SEED + 2):
        for number in range(KILLS):
            with suppress(psycopg.OperationalError, httpx.HTTPError):
                market.defer("pay_creators")
            time.sleep(draws.uniform(0.05, 1.0))
            postmaster = market.running.postmaster()
            backends = [pid for pid in children(postmaster) if "zhihao zhihao" in command(pid)]
            kill(postmaster if number % 2 == 0 or not backends else draws.choice(backends))
            comes_back(market)
            market.tip()
    assert callers.told_so(503), "no kill met a call"
    everything_adds_up(market)
