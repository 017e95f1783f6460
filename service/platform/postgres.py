"""PostgreSQL out of a wheel, for machines that have none: found, started, shared and stopped.

Several processes may use one data folder at once. Each holds a shared lock on it for as long as it lives; a
detached keeper waits for the exclusive one, which it gets when the last user is gone, however that user
ended, and stops the server. PostgreSQL listens on a Unix socket in a private folder and on no port.
"""

import fcntl
import hashlib
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import psycopg

from service.platform.files import locked
from service.platform.postgres_runner import EmbeddedPostgresError, Runner, find_runner

USER = DATABASE = "zhihao"
START_SECONDS = 60
STOP_SECONDS = 30
ORPHAN_SECONDS = 5
MAX_SOCKET_PATH = 107

SERVER_OPTIONS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",  # keeps recovery after a kill under 10 s
    "log_min_messages": "warning",
    "timezone": "UTC",
}


class EmbeddedPostgres:
    """The server of one data folder. ``version`` is 18 or 16, ``options`` override the server's settings."""

    def __init__(
        self, data_dir: Path, *, version: int = 18, options: Mapping[str, str] | None = None
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.version = version
        self._options = {**SERVER_OPTIONS, **(options or {})}
        self._users: IO[bytes] | None = None
        self._pulse: psycopg.Connection[object] | None = None
        digest = hashlib.sha256(f"{self.data_dir}:{version}".encode()).hexdigest()[:12]
        self.socket_dir = Path(tempfile.gettempdir()) / f"zhihao-{os.geteuid()}-{digest}"
        if len(str(self.socket_dir / ".s.PGSQL.5432")) > MAX_SOCKET_PATH:
            self.socket_dir = Path("/tmp") / self.socket_dir.name  # noqa: S108 - made 0700 and checked

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@/{DATABASE}?host={self.socket_dir}"

    @property
    def _server_url(self) -> str:
        """Of the database that every server has."""
        return f"postgresql://{USER}@/postgres?host={self.socket_dir}"

    def start(self) -> str:
        """Starts the server, or joins the one that runs, and returns its URL.

        Raises ``EmbeddedPostgresError`` when the wheel is missing, the folder belongs to somebody else or to
        another version, or the server does not come up.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        runner = find_runner(self.data_dir, self.version)
        with locked(self.data_dir / "postgres.start"):
            # Blocks while a keeper is stopping the server that the previous users left.
            if self._users is None:
                self._users = (self.data_dir / "postgres.users").open("ab")
                fcntl.flock(self._users, fcntl.LOCK_SH)
            try:
                cluster = self._cluster(runner)
                self._private_socket_dir(runner)
                if not self._answers():
                    _forget_stranger(cluster)
                    self._launch(runner, cluster)
                self._ensure_keeper(runner, cluster)
                self._ensure_database()
            except psycopg.OperationalError as error:
                self.leave()
                raise EmbeddedPostgresError(f"PostgreSQL on {cluster} went away: {error}") from error
            except BaseException:
                self.leave()
                raise
        return self.url

    def revive(self) -> None:
        """Starts the server again if it was killed under this user; does nothing while it lives.

        Costs next to nothing while it does, so it may be called many times a second. Raises
        ``EmbeddedPostgresError``, after which the folder is still this process's to try again.
        """
        if self._pulse is not None:
            # Nothing is ever asked on it, so there is something to read only when the server ended it.
            if not select.select([self._pulse.fileno()], [], [], 0)[0]:
                return
            self._pulse.close()
            self._pulse = None
        try:
            self._pulse = psycopg.connect(self._server_url, connect_timeout=2)
        except psycopg.OperationalError as error:
            if not _lives(error):
                self.start()

    def leave(self, *, seconds: float = 0) -> None:
        """This process needs the server no longer; the last to leave has it stopped, and waits for that for
        at most ``seconds``."""
        if self._pulse is not None:
            self._pulse.close()
            self._pulse = None
        if self._users is not None:
            self._users.close()
            self._users = None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._keeper_stops():
            time.sleep(0.02)

    def _keeper_stops(self) -> bool:
        """Whether the keeper is at work or about to be: it lives, and nobody else uses the folder."""
        try:
            keeper = int((self.data_dir / "postgres.keeper").read_text())
            os.kill(keeper, 0)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return False
        with (self.data_dir / "postgres.users").open("ab") as users:
            try:
                fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True  # the keeper alone takes it for itself
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def _cluster(self, runner: Runner) -> Path:
        cluster = runner.root / f"postgres-{self.version}"
        marker = cluster / "PG_VERSION"
        if marker.exists():
            found = marker.read_text().strip()
            if found != str(self.version):
                raise EmbeddedPostgresError(f"{cluster} holds PostgreSQL {found}, not {self.version}.")
            if os.geteuid() != 0 and cluster.stat().st_uid != os.geteuid():
                raise EmbeddedPostgresError(f"{cluster} belongs to another user.")
            return cluster
        # Made beside and renamed: a kill in between leaves nothing half made.
        fresh = cluster.with_name(cluster.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if runner.user is not None:
            os.chown(fresh, runner.user, runner.user)
        done = runner.run(
            "initdb",
            *("-D", str(fresh), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale"),
            timeout=START_SECONDS,
        )
        if done.returncode:
            raise EmbeddedPostgresError(f"initdb failed: {_last_line(done.stderr)}")
        fresh.rename(cluster)
        return cluster

    def _private_socket_dir(self, runner: Runner) -> None:
        try:
            self.socket_dir.mkdir(mode=0o700)
        except FileExistsError:
            held = self.socket_dir.lstat()
            if (
                held.st_uid not in {os.geteuid(), runner.user}
                or held.st_mode & 0o077
                or self.socket_dir.is_symlink()
            ):
                raise EmbeddedPostgresError(
                    f"{self.socket_dir} exists and is not this user's own private folder; remove it."
                ) from None
        if runner.user is not None:
            os.chown(self.socket_dir, runner.user, runner.user)

    def _launch(self, runner: Runner, cluster: Path) -> None:
        settings = " ".join(
            f"-c {name}={value}" if value else f"-c {name}=''" for name, value in self._options.items()
        )
        log = runner.root / "postgres.log"
        deadline = time.monotonic() + ORPHAN_SECONDS
        while True:
            done = runner.run(
                "pg_ctl",
                *("start", "-D", str(cluster), "-l", str(log), "-w", "-t", str(START_SECONDS)),
                *("-o", f"-k '{self.socket_dir}' {settings}"),
                timeout=START_SECONDS + 5,
            )
            if self._answers():
                return
            # After a kill -9 of the server its children need a moment to notice and go.
            if time.monotonic() > deadline:
                tail = log.read_bytes()[-2000:] if log.exists() else done.stderr
                raise EmbeddedPostgresError(f"PostgreSQL did not start on {cluster}: {_last_line(tail)}")
            time.sleep(0.2)

    def _ensure_keeper(self, runner: Runner, cluster: Path) -> None:
        with (self.data_dir / "postgres.keeper").open("ab") as keeper:
            try:
                fcntl.flock(keeper, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
        # The keeper detaches itself, so that it is nobody's child and this returns at once.
        subprocess.run(  # noqa: S603 - this interpreter, our own module
            [
                *(sys.executable, "-m", "service.platform.postgres_keeper", str(self.data_dir)),
                str(runner.user if runner.user is not None else os.geteuid()),
                *runner.command(
                    "pg_ctl", "stop", "-D", str(cluster), "-m", "fast", "-w", "-t", str(STOP_SECONDS)
                ),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,
            check=True,
        )

    def _answers(self) -> bool:
        """Whether there is a server, once it has made up its mind: one that recovers is waited for."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self._server_url, connect_timeout=2).close()
                return True
            except psycopg.OperationalError as error:
                if "the database system is" not in str(error):
                    return _lives(error)
                if time.monotonic() > deadline:
                    raise EmbeddedPostgresError(f"PostgreSQL is not ready: {error}") from error
            time.sleep(0.1)

    def _ensure_database(self) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if found is None:
                try:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
                except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    return  # another process was first


def _lives(refusal: psycopg.OperationalError) -> bool:
    """Whether a server refused: it starts, recovers from a fallen child, stops, or has no place left."""
    words = ("the database system is", "too many clients", "connection slots")
    return any(word in str(refusal) for word in words)


def _forget_stranger(cluster: Path) -> None:
    """Removes a server's pid file when its number is another program's by now, or a dead process's.

    Nobody answers on the socket; after a kill in a container the numbers start anew, and PostgreSQL would
    take whoever has the old one for itself.
    """
    file = cluster / "postmaster.pid"
    try:
        pid = int(file.read_text().split()[0])
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except (OSError, ValueError, IndexError):
        return
    if name != "postgres" or rest.split()[0] == "Z":
        file.unlink(missing_ok=True)


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
