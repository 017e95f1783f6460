"""Calls made by several processes at once."""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from uuid import UUID

from tests.integration.gate_process import PATIENCE_SECONDS


async def told_by_processes(url: str, secret_hash: bytes, base: UUID, calls: int) -> Counter[str]:
    """What all the calls of four processes came to, each of which makes so many at once."""
    command = [sys.executable, "-m", "tests.integration.gate_process"]
    command += [url, secret_hash.hex(), str(base), str(calls)]
    done = await asyncio.to_thread(
        subprocess.run, command, check=True, stdout=subprocess.PIPE, timeout=PATIENCE_SECONDS
    )
    return Counter(json.loads(done.stdout))
