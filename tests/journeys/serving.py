"""A real ``zhihao serve`` for the journeys: its own process, folder and port, reached over sockets alone."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.own_time import own_time

READY_SECONDS = 60
STOP_SECONDS = 20


@dataclass(frozen=True)
class Served:
    """A running service: where it answers, and the folder that holds its state."""

    url: str
    data_dir: Path
    process: "subprocess.Popen[bytes]"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(data_dir: Path, **environment: str) -> Iterator[Served]:
    """Runs ``zhihao serve`` on ``data_dir`` until the block ends; fails with its log if it does not start."""
    port = free_port()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZHIHAO_")}
    log = data_dir / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve", "--port", str(port)],
            env=inherited | {"ZHIHAO_DATA_DIR": str(data_dir), "ZHIHAO_LOG_FORMAT": "text"} | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, log)
        yield Served(url, data_dir, process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """A short path: the embedded database keeps a socket in there."""
    with tempfile.TemporaryDirectory(prefix="zhihao-journey-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = own_time() + READY_SECONDS
    while own_time() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/health/ready", timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"the service did not become ready:\n{log.read_text(errors='replace')[-4000:]}")
