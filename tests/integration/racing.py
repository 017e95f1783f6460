"""Calls made by several processes at once."""

import json
import subprocess
from collections import Counter

PROCESSES = 4


def told_by_processes(command: list[str]) -> Counter[str]:
    """What all the calls of ``PROCESSES`` at once came to."""
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    told: Counter[str] = Counter()
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "READY\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            out, _ = process.communicate(timeout=60)
            told.update(json.loads(out))
    finally:
        for process in processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
    return told
