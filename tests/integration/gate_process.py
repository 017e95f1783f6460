"""Four processes, each with a gate: ``python -m tests.integration.gate_process URL HASH BASE CALLS``.

What they need is loaded once, and they are forked of it. When all are ready, each makes all calls at once;
what became of every call is printed as JSON.
"""

import asyncio
import json
import multiprocessing
import sys
from collections import Counter
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from uuid import UUID, uuid4

from service.platform.database import Database
from service.usecases.admit_calls import Call, KeyPrincipal, admit_call
from service.usecases.context import Context
from service.usecases.settle_calls import Outcome, settle_call
from tests.integration.metering import context_of

PROCESSES = 4
PATIENCE_SECONDS = 60


async def _call(context: Context, secret_hash: bytes, base: UUID) -> str:
    try:
        admission = await admit_call(context, Call(uuid4(), KeyPrincipal(secret_hash), "answers", (base,)))
        # All are admitted before any is settled, as when answers take their time.
        await asyncio.sleep(0.2)
        settled = await settle_call(context, admission, Outcome(1, (base,)))
    except Exception as error:
        return type(error).__name__
    return f"billed {settled.amount}"


async def _calls(ready: Barrier, url: str, secret_hash: bytes, base: UUID, calls: int) -> Counter[str]:
    database = Database(url, pool_size=4, max_overflow=2, pool_timeout=30)
    context = context_of(database, gate_batch_size=8)
    async with database.reading():
        await asyncio.to_thread(ready.wait, PATIENCE_SECONDS)
    told = Counter(await asyncio.gather(*(_call(context, secret_hash, base) for _ in range(calls))))
    assert context.gate is not None
    await context.gate.close()
    await database.close()
    return told


def process(told: "SimpleQueue[Counter[str]]", ready: Barrier, *about: str) -> None:
    url, secret_hash, base, calls = about
    told.put(asyncio.run(_calls(ready, url, bytes.fromhex(secret_hash), UUID(base), int(calls))))


def main() -> None:
    fork = multiprocessing.get_context("fork")
    told: SimpleQueue[Counter[str]] = fork.SimpleQueue()
    arguments = (told, fork.Barrier(PROCESSES), *sys.argv[1:])
    for _ in range(PROCESSES):
        fork.Process(target=process, args=arguments).start()
    print(json.dumps(sum((told.get() for _ in range(PROCESSES)), Counter())))


if __name__ == "__main__":
    main()
