"""Which build of an index is live, and who may write it: files that several processes share.

home/current        {"build", "generation", "deleted"}, replaced atomically and durably
home/<build>/...    the index itself"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

Signature = tuple[int, int, int]


class Current(msgspec.Struct, frozen=True):
    """`deleted` says that text taken away may still lie in the build's files."""

    build: str
    generation: int
    deleted: bool = False


def new_build() -> str:
    return f"build-{secrets.token_hex(6)}"


def read_current(home: Path) -> tuple[Signature, Current] | None:
    """The live build and a signature that is another after each write; None where there is none."""
    try:
        with open(home / "current", "rb") as file:
            current = msgspec.json.decode(file.read(), type=Current)
            return _signature(os.fstat(file.fileno())), current
    except FileNotFoundError:
        return None


def sign_current(home: str) -> Signature | None:
    """The signature alone, without reading."""
    try:
        return _signature(os.stat(f"{home}/current"))
    except FileNotFoundError:
        return None


def _signature(status: os.stat_result) -> Signature:
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def point(home: Path, build: str, *, deleted: bool = False) -> int:
    """Make `build` the live one and return its generation. Generations are microseconds, so that they go
    on growing when a folder was lost and made anew."""
    before = read_current(home)
    generation = max(before[1].generation + 1 if before else 0, time.time_ns() // 1000)
    beside = home / f".current-{secrets.token_hex(4)}"
    with open(beside, "wb") as file:
        file.write(msgspec.json.encode(Current(build, generation, deleted)))
        file.flush()
        # The generation is its time: no two writes, however fast, leave the same signature.
        os.utime(file.fileno(), ns=(generation * 1000, generation * 1000))
        os.fsync(file.fileno())
    os.replace(beside, home / "current")
    folder = os.open(home, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return generation


def remove_others(home: Path, build: str) -> None:
    """Remove every other build. Readers that still have one open keep reading it."""
    for other in home.iterdir():
        if other.name.startswith(("build-", ".current-")) and other.name != build:
            if other.is_dir():
                shutil.rmtree(other, ignore_errors=True)
            else:
                other.unlink(missing_ok=True)


@asynccontextmanager
async def write_lock(path: Path) -> AsyncIterator[None]:
    """Held by one writer among all processes; let go by the kernel if its process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.02)
        yield
    finally:
        os.close(file)
