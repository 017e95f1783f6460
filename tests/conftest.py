"""A real PostgreSQL for every test that wants one: the wheel's, started once, a fresh database a test."""

import copy
import gc
import os
import shutil
import socket
import ssl
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import argon2
import certifi
import hypothesis
import psycopg
import pytest
import stripe
import structlog
from psycopg import sql
from sqlalchemy import event, make_url

from service.accounts import passwords
from service.platform.collecting import collect_seldom
from service.platform.database import Database
from service.platform.migrating import migrate
from service.platform.postgres import EmbeddedPostgres
from tests.contract.sandbox_process import Sandbox, sandbox_of_its_own

TEMPLATE = "template_migrated"
BUNDLES = (certifi.where(), stripe.ca_bundle_path, os.environ.get("SSL_CERT_FILE"))
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

LONG_FIRST = [
    "simulation", "faults", "security", "journeys", "integration", "contract", "architecture", "unit",
]  # fmt: skip
"""The folders by how long a file of theirs takes: what is short fills the end, and no process waits alone."""

MEMORY = Path("/dev/shm")
ROOM = 6 * 2**30


def _keep_in_memory() -> None:
    """Has databases and files of tests made in memory, where there is plenty: a database is 400 files."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        return
    mounted = os.statvfs(MEMORY).f_flag
    if not mounted & (os.ST_NOEXEC | os.ST_RDONLY) and os.access(MEMORY, os.W_OK):
        tempfile.tempdir = os.environ["TMPDIR"] = str(MEMORY)


def _compile_once() -> None:
    """Keeps what is compiled, whatever the shell says: hundreds of processes start of the same sources."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


_keep_in_memory()
_compile_once()
gc.disable()  # nothing that is loaded while tests are collected is garbage
# An example is held to no time: how long it takes says more about what else the machine does.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    items.sort(key=lambda item: LONG_FIRST.index(item.path.relative_to(here).parts[0]))


def pytest_collection_finish() -> None:
    """As in the service's processes: what was loaded is not looked at again."""
    gc.enable()
    collect_seldom()


def _named(url: str, database: str) -> str:
    """The same server's other database."""
    head, _, tail = url.rpartition("/zhihao?")
    return f"{head}/{database}?{tail}"


@pytest.fixture(scope="session", autouse=True)
def no_outside_socket() -> Iterator[None]:
    """Tests talk to this machine alone: any other address is an error, not a slow test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {
            "127.0.0.1",
            "::1",
            "localhost",
        }:
            raise OSError(f"a test tried to reach {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """structlog's own default but for tracebacks: with colours and locals, one takes a second to draw."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


@pytest.fixture(scope="session", autouse=True)
def authorities_read_once() -> Iterator[None]:
    """Every new client of httpx reads all of the world's certificates, which takes longer than most calls."""
    default = ssl.create_default_context
    kept = cache(lambda cafile: default(cafile=cafile))

    def create(*arguments: Any, **named: Any) -> ssl.SSLContext:
        brought = not arguments and named in ({"cafile": file} for file in BUNDLES)
        return kept(**named) if brought else default(*arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", create)
        yield


@pytest.fixture(scope="session", autouse=True)
def passwords_hashed_fast() -> Iterator[None]:
    """A hash is slow on purpose, which thousands of people who sign up need not wait for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A server with a migrated template database; ``ZHIHAO_TEST_POSTGRES_VERSION`` picks 16 or 18."""
    with tempfile.TemporaryDirectory(prefix="zhihao-test-") as folder:
        version = int(os.environ.get("ZHIHAO_TEST_POSTGRES_VERSION", "18"))
        # fsync off: what survives a power cut is not under test here, what survives a kill is.
        server = EmbeddedPostgres(
            Path(folder), version=version, options={"fsync": "off", "max_connections": "300"}
        )
        url = server.start()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        migrate(_named(url, TEMPLATE))
        yield url
        server.leave()


@pytest.fixture
def database_url(postgres: str) -> Iterator[str]:
    """The URL of a fresh database at the newest revision."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(
            # Files are copied; the default writes every page of the template to the log once more.
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE)
            )
        )
    yield _named(postgres, name)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
async def pool(postgres: str) -> AsyncIterator[Database]:
    """One pool for all tests, each on a database of its own: a statement is compiled once, not in each."""
    database = Database(postgres, pool_size=10, max_overflow=10, pool_timeout=10)
    yield database
    await database.close()


@pytest.fixture
async def database(pool: Database, database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh, migrated database."""
    name = make_url(database_url).database

    def connect(dialect: object, record: object, arguments: object, named: dict[str, object]) -> None:
        named["dbname"] = name

    event.listen(pool.engine.sync_engine, "do_connect", connect)
    yield copy.copy(pool)  # what a process remembers of a database, it remembers of this one
    await pool.close()
    event.remove(pool.engine.sync_engine, "do_connect", connect)


@pytest.fixture(scope="module")
def till(postgres: str) -> Iterator[Sandbox]:
    """A sandbox of one file's own, whose clock may be moved."""
    with sandbox_of_its_own(postgres) as running:
        yield running


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of text sets beside the project; the test is skipped where it is not."""
    if not DATA.is_dir():
        pytest.skip("the text sets are not at hand")
    return DATA
