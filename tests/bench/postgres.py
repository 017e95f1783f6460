"""A PostgreSQL of a bench's own, with a fresh database for each round, and the CPU that was used."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from service.platform.migrating import migrate
from service.platform.postgres import EmbeddedPostgres

TEMPLATE = "template_bench"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server whose template database is migrated."""

    url: str
    pid: int

    def named(self, database: str) -> str:
        head, _, tail = self.url.rpartition("/zhihao?")
        return f"{head}/{database}?{tail}"

    @contextmanager
    def fresh(self, template: str = TEMPLATE) -> Iterator[str]:
        """The URL of a copy of the template, dropped at the end."""
        name = f"bench_{uuid4().hex}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        yield self.named(name)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def cpu(self) -> float:
        """Seconds of CPU that this process and the server with all its backends have used, those that ended
        included."""
        return time.process_time() + cpu_below(self.pid)


@contextmanager
def postgres() -> Iterator[Server]:
    """A server in a folder of its own, durable as in production: what is committed is on the disk."""
    with tempfile.TemporaryDirectory(prefix="zhihao-bench-") as folder:
        server = EmbeddedPostgres(Path(folder), version=18, options={"max_connections": "100"})
        url = server.start()
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
            made = Server(url, postmaster(folder))
            migrate(made.named(TEMPLATE))
            yield made
        finally:
            server.leave()


def postmaster(folder: str) -> int:
    """The process of the server whose state lies in ``folder``; it is nobody's child."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if words[0].endswith("/postgres") and any(word.startswith(f"{folder}/") for word in words):
            return int(entry.name)
    raise RuntimeError("the server's process was not found")


def cpu_below(root: int) -> float:
    """Seconds of CPU that a process and all below it have used, those that ended included."""
    return sum(map(_cpu_of, _tree(root)))


def _tree(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
    below, found = [root], [root]
    while below:
        above = below.pop()
        children = [pid for pid, parent in parents.items() if parent == above]
        below += children
        found += children
    return found


def _cpu_of(pid: int) -> float:
    try:
        fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    # utime and stime, and those of children that ended.
    return sum(map(int, fields[11:15])) / TICK
