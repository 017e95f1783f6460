"""A process of its own with a gate: ``python -m tests.integration.gate_process URL HASH BASE CALLS``.

Says READY, waits for a line, makes all calls at once, and prints what became of them as JSON.
"""

import asyncio
import json
import sys
from collections import Counter
from uuid import UUID, uuid4

from service.platform.database import Database
from service.usecases.admit_calls import Call, KeyPrincipal, admit_call
from service.usecases.context import Context
from service.usecases.settle_calls import Outcome, settle_call
from tests.integration.metering import context_of


async def _call(context: Context, secret_hash: bytes, base: UUID) -> str:
    try:
        admission = await admit_call(context, Call(uuid4(), KeyPrincipal(secret_hash), "answers", (base,)))
        # All are admitted before any is settled, as when answers take their time.
        await asyncio.sleep(0.2)
        settled = await settle_call(context, admission, Outcome(1, (base,)))
    except Exception as error:
        return type(error).__name__
    return f"billed {settled.amount}"


async def main(url: str, secret_hash: bytes, base: UUID, calls: int) -> None:
    database = Database(url, pool_size=4, max_overflow=2, pool_timeout=30)
    context = context_of(database, gate_batch_size=8)
    async with database.reading():
        print("READY", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    told = Counter(await asyncio.gather(*(_call(context, secret_hash, base) for _ in range(calls))))
    assert context.gate is not None
    await context.gate.close()
    await database.close()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], bytes.fromhex(sys.argv[2]), UUID(sys.argv[3]), int(sys.argv[4])))
