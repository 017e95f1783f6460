"""Files that several processes share, and that survive a power cut."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """An exclusive lock on ``path``, which is made, for the length of the block."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sync_folder(folder: Path) -> None:
    """Makes the names in ``folder`` durable: a new file may otherwise be gone after a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path, *, root: Path) -> None:
    """Makes a written file durable, and its name in every folder from its own up to ``root``."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    folder = path.parent
    while True:
        sync_folder(folder)
        if folder in {root, folder.parent}:
            return
        folder = folder.parent
