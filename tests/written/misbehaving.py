"""A reader that does to its process what the file says."""

import ctypes
import os
import socket
import subprocess
import time
from pathlib import Path

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed
from service.knowledge.parsing.writing import Writer


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """``done`` or, when it was kept from what it tried, ``kept in``."""
    writer = Writer(limits)
    writer.add("kept in" if _kept_in(data.decode()) else "done")
    return writer.parsed()


def _kept_in(how: str) -> bool:
    if how == "sleep":
        time.sleep(60)
    elif how == "spin":
        while True:
            pass
    elif how == "eat":
        held = [bytearray(1024 * 1024) for _ in range(2000)]
        return not held
    elif how == "crash":
        ctypes.string_at(0)
    elif how == "exit":
        os._exit(0)
    elif how == "raise":
        raise KeyError("some library's")
    elif how == "recurse":
        return _kept_in(how)
    elif how == "environment":
        return not any(name.startswith("ZHIHAO") for name in os.environ)
    try:
        if how == "connect":
            socket.create_connection(("127.0.0.1", 9), timeout=1)
        elif how == "run":
            subprocess.run(["true"], check=True)
        elif how == "write":
            Path("/dev/shm/written.tmp").write_text("x" * 10)
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return False
