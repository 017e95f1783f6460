"""The time that this machine had."""

import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK") * (os.cpu_count() or 1)
_STATISTICS = Path("/proc/stat")


def own_time() -> float:
    """As ``time.monotonic``, but without the seconds that a virtual machine's host gave to other machines.

    What is promised of a service is promised of cores that are there.
    """
    try:
        stolen = int(_STATISTICS.read_text().split("\n", 1)[0].split()[8])
    except (OSError, IndexError):
        stolen = 0
    return time.monotonic() - stolen / _TICKS
