"""A ``zhihao serve`` whose processes can be found and killed, and commands beside it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service.platform.processes import is_ready
from tests.journeys.people import eventually
from tests.journeys.serving import free_port
from tests.own_time import own_time

STARTED_SECONDS = 30
STOPPED_SECONDS = 15


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Of a command on ``folder``, with nothing of this process's own settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZHIHAO_")}
    return inherited | {"ZHIHAO_DATA_DIR": str(folder)} | more


def zhihao(
    folder: Path, *arguments: str, cwd: Path | None = None, **more: str
) -> "subprocess.CompletedProcess[str]":
    """Runs a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *arguments],
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
    )


@dataclass
class Running:
    """A service, started and stopped by hand."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder.parent / f"{self.folder.name}.log").read_text(errors="replace")

    def ready(self) -> bool:
        return is_ready(self.url)

    def wait_until_ready(self, seconds: float) -> float:
        """How long it took; fails with the service's log when it took longer."""
        began = own_time()
        while not self.ready():
            assert self.process.poll() is None, self.log[-4000:]
            assert own_time() - began < seconds, self.log[-4000:]
            time.sleep(0.1)
        return own_time() - began

    def parts(self) -> list[int]:
        """Every process of it but the server's own: supervisor, API, worker, sandbox, keeper."""
        found = [self.process.pid] if self.process.poll() is None else []
        return found + [pid for pid, line in processes() if self._mine(pid, line)]

    def part(self, name: str) -> int:
        """The child of the supervisor that goes by ``name``."""
        return eventually(
            lambda: next((pid for pid in children(self.process.pid) if called(pid) == name), None),
            what=name,
        )

    def api_workers(self) -> list[int]:
        return [pid for pid in children(self.part("zhihao-api")) if "resource_tracker" not in command(pid)]

    def postmaster(self) -> int:
        return int((self.folder / "postgres-18" / "postmaster.pid").read_text().splitlines()[0])

    def _mine(self, pid: int, line: str) -> bool:
        if pid == os.getpid() or pid == self.process.pid:
            return False
        return str(self.folder) in line or f"ZHIHAO_DATA_DIR={self.folder}\0" in surroundings(pid)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> float:
        """How long it took to stop; fails when it took longer than promised."""
        began = own_time()
        self.process.send_signal(sign)
        self.process.wait(STOPPED_SECONDS)
        return own_time() - began


@contextmanager
def run(
    folder: Path, *arguments: str, port: int | None = None, under: Sequence[str] = (), **more: str
) -> Iterator[Running]:
    """Starts a service and waits until it is ready; whatever is left of it in the end is killed.

    ``under`` is a command that becomes the service's once it has prepared its surroundings.
    """
    port = port or free_port()
    with (folder.parent / f"{folder.name}.log").open("ab") as output:
        process = subprocess.Popen(
            [*under, sys.executable, "-m", "service.cli", "serve", "--port", str(port), *arguments],
            env=environment(folder, **more),
            stdout=output,
            stderr=output,
        )
    running = Running(folder, port, process)
    try:
        running.wait_until_ready(stretched(STARTED_SECONDS))
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOPPED_SECONDS + 3)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()


def processes() -> list[tuple[int, str]]:
    """Every process that lives, with its command."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return [(pid, line) for pid in numbers if (line := command(pid))]


def command(pid: int) -> str:
    """Its words; empty for a process that is gone."""
    return _read(pid, "cmdline").replace("\0", " ")


def called(pid: int) -> str:
    """Its name in a list of processes."""
    return _read(pid, "comm").strip()


def surroundings(pid: int) -> str:
    return _read(pid, "environ") + "\0"


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def gone(pids: Sequence[int], seconds: float) -> bool:
    """Whether all of them are gone within ``seconds``."""
    deadline = own_time() + seconds
    while left := [pid for pid in pids if command(pid)]:
        if own_time() > deadline:
            print({pid: command(pid) for pid in left})
            return False
        time.sleep(0.02)
    return True


def stretched(seconds: float) -> float:
    """What is promised for this machine alone, when others compute on it too."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def until(look: Callable[[], bool], seconds: float, what: str) -> None:
    eventually(lambda: True if look() else None, seconds=seconds, what=what)
