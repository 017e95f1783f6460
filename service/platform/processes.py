"""Child processes that never outlive their parent, ports that are free, and locks between programs."""

import contextlib
import ctypes
import errno
import fcntl
import functools
import multiprocessing.context
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15


class FolderInUse(Exception):
    """Another process holds the folder for itself."""


class PortInUse(Exception):
    """The port cannot be bound."""


def die_with_parent(parent: int | None = None) -> None:
    """Has the kernel kill this process when its parent dies (Linux; elsewhere it does nothing).

    ``parent`` is who started it: if that one is gone by now, this process ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent is not None and os.getppid() != parent:
            os._exit(1)


def call_this_process(name: str) -> None:
    """What ``ps -o comm`` and ``top`` call it, at most 15 characters (Linux; elsewhere it does nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())


def spawn(
    command: Sequence[str], *, env: Mapping[str, str] | None = None, output: IO[bytes] | None = None
) -> "subprocess.Popen[bytes]":
    """Starts ``command``, with ``env`` added to this process's environment. It is killed when we are.

    What it prints goes where ours does, or to ``output``.
    """
    return subprocess.Popen(  # noqa: S603 - the caller's own programs
        command,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        # A terminal's Ctrl-C reaches the parent alone, which stops its children in order.
        start_new_session=True,
        preexec_fn=functools.partial(die_with_parent, os.getpid()),
    )


class Fork(multiprocessing.context.ForkProcess):
    """A copy of this process that does something else: what is loaded here, it need not load.

    It is watched and ended as a ``Popen`` is, and killed when we are. This process must have no threads.
    """

    def __init__(self, name: str, run: Callable[[], None]) -> None:
        super().__init__(name=name, target=self._begin, args=(run, os.getpid()))
        self.start()

    def _begin(self, run: Callable[[], None], parent: int) -> None:
        die_with_parent(parent)
        os.setsid()  # as in ``spawn``
        call_this_process(self.name)
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, signal.SIG_DFL)
        run()

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self, timeout: float) -> None:
        self.join(timeout)
        if self.exitcode is None:
            raise subprocess.TimeoutExpired(self.name, timeout)


def free_port(host: str = "127.0.0.1", preferred: int = 0) -> int:
    """``preferred`` if it can be bound, otherwise any port that can."""
    for port in (preferred, 0):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            number: int = probe.getsockname()[1]
            return number
    raise PortInUse(f"No port of {host} is free.")


def require_port(host: str, port: int, *, patience: float = 2.0) -> None:
    """Raises ``PortInUse`` when ``port`` cannot be bound, nor within ``patience`` seconds.

    The children of a service that was killed need a moment to go.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise PortInUse(
                    f"Port {port} of {host} cannot be used: {error.strerror}. Choose another with --port."
                ) from None
        time.sleep(0.05)


def hold(path: Path) -> IO[str]:
    """An exclusive lock on ``path`` until the returned file is closed. Raises ``FolderInUse``.

    It is this process's alone: a fork does not share in it.
    """
    file = path.open("a+")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise FolderInUse(f"{path.parent} is in use by another zhihao serve (process {holder}).") from None
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    return file


def is_ready(url: str) -> bool:
    """Whether the service at ``url``, on this machine, says that it is ready.

    Asked many times while a service starts: without a client's preparations, and past any proxy.
    """
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
