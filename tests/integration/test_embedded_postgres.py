"""The embedded PostgreSQL: shared by several processes, stopped by the last, taken over after a kill."""

import os
import pwd
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from service.platform import postgres_runner
from service.platform.postgres import EmbeddedPostgres
from service.platform.postgres_runner import EmbeddedPostgresError

USER_PROCESS = """
import sys, time
from pathlib import Path
from service.platform.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), version=int(sys.argv[2]))
print(server.start(), flush=True)
time.sleep(60)
"""


def _start_user(folder: Path, version: int = 18) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", USER_PROCESS, str(folder), str(version)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://")
    return process


def _kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _gone_within(url: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _answers(url):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("version", [16, 18])
def test_it_serves_until_its_last_user_is_killed_and_is_taken_over_by_the_next(
    tmp_path: Path, version: int
) -> None:
    url = EmbeddedPostgres(tmp_path, version=version).url
    first, second = _start_user(tmp_path, version), _start_user(tmp_path, version)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    _kill(first)
    assert _answers(url), "the server must outlive one of its two users"
    _kill(second)
    assert _gone_within(url, 5), "no server may be left behind"

    third = _start_user(tmp_path, version)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    _kill(third)
    assert _gone_within(url, 5)


def test_a_killed_server_comes_back_with_what_was_committed(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    url = server.start()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    postmaster = int((tmp_path / "postgres-18" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(postmaster, signal.SIGKILL)
    assert _gone_within(url, 5)
    server.revive()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    server.leave()
    assert _gone_within(url, 5)


def test_a_folder_of_another_version_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "postgres-18").mkdir()
    (tmp_path / "postgres-18" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedPostgresError, match="holds PostgreSQL 15"):
        EmbeddedPostgres(tmp_path).start()


def test_a_socket_folder_of_somebody_else_is_a_clear_error(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    server.socket_dir.mkdir(mode=0o777)
    server.socket_dir.chmod(0o777)
    try:
        with pytest.raises(EmbeddedPostgresError, match="private folder"):
            server.start()
    finally:
        server.socket_dir.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user to run PostgreSQL as")
def test_root_without_user_namespaces_runs_it_as_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="zhihao-nobody-") as folder:
        Path(folder).chmod(0o755)  # so that nobody can reach its own folder in it
        monkeypatch.setattr(postgres_runner, "FALLBACK_ROOT", Path(folder))
        monkeypatch.setenv("PATH", str(tmp_path / "holds no unshare"))
        server = EmbeddedPostgres(tmp_path / "data")
        url = server.start()
        data = next(Path(folder).glob("data/*/postgres-18"))
        assert data.stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert _answers(url)
        server.leave()
        assert _gone_within(url, 5)
