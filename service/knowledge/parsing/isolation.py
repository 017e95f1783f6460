"""Files of binary formats are read in a process of their own, with bounds and without a network.

One helper (``nursery``) is started at the first such file and stays; it forks a reader for each file, which
takes some milliseconds. Threads may read at once.
"""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading

import msgspec
import structlog

from service.knowledge.parsing.answers import Answer, Request, parsed_of
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile

log = structlog.get_logger(__name__)

START_SECONDS = 60
"""What the helper may take before it reads, the first time: it loads the reader's libraries."""
CHUNK = 1024 * 1024
STATUS_BYTES = 5
TIMEOUTS = {-signal.SIGALRM, -signal.SIGXCPU}
TOO_SLOW = UnreadableFile("parse_timeout", "Reading the file took too long.")


class _HelperGone(Exception):
    """The helper ended before it answered."""


class Nursery:
    """The helper process, started when it is needed and again when it was lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def read(self, module: str, data: bytes, limits: ParseLimits) -> Parsed:
        """What ``parse(data, limits)`` of ``module`` reads. Blocks for at most the limits' time.

        Raises ``UnreadableFile``: whatever the reader refuses, ``damaged_document``, ``document_too_large``,
        ``parse_timeout``.
        """
        request = msgspec.json.encode(Request(module, len(data), limits))
        source = os.memfd_create("document", os.MFD_CLOEXEC)
        try:
            with open(source, "wb", closefd=False) as file:
                file.write(data)
            for attempt in (1, 2):
                try:
                    return self._ask(request, source, limits)
                except _HelperGone:
                    log.warning("parsing.helper_lost", attempt=attempt)
                    self.close()
        finally:
            os.close(source)
        raise UnreadableFile("unreadable_file", "The file could not be read.")

    def _ask(self, request: bytes, source: int, limits: ParseLimits) -> Parsed:
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                try:
                    socket.send_fds(self._started(), [request], [source, theirs.fileno()])
                except OSError as error:
                    raise _HelperGone from error
            ours.settimeout(limits.wall_seconds + START_SECONDS)
            try:
                received = _everything(ours, 16 * limits.characters)
            except TimeoutError:
                # Its own alarm should have ended it; the helper takes what it started with it.
                self.close()
                raise TOO_SLOW from None
        return _judged(received)

    @property
    def pid(self) -> int | None:
        """The helper's process, if it runs."""
        return self._process.pid if self._process is not None else None

    def _started(self) -> socket.socket:
        with self._lock:
            if self._control is not None:
                return self._control
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 (this very interpreter)
                    [sys.executable, "-m", "service.knowledge.parsing.nursery", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    # No secret of the service is handed on.
                    env={
                        "PATH": os.environ.get("PATH", ""),
                        "PYTHONPATH": os.pathsep.join(sys.path),
                        "OPENPYXL_LXML": "False",
                        "MALLOC_ARENA_MAX": "1",
                    },
                    start_new_session=True,
                )
            self._control = ours
            return ours

    def close(self) -> None:
        """Ends the helper and whatever it is reading."""
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._process is not None:
                try:
                    self._process.wait(2)
                except subprocess.TimeoutExpired:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(self._process.pid, signal.SIGKILL)
                    self._process.wait()
            self._process = self._control = None


def _everything(connection: socket.socket, most: int) -> bytes:
    received = bytearray()
    while part := connection.recv(CHUNK):
        received += part
        if len(received) > most:
            raise UnreadableFile("document_too_large", "The file holds more than is read of one document.")
    return bytes(received)


def _judged(received: bytes) -> Parsed:
    """The reader's answer, or what its end says."""
    if len(received) < STATUS_BYTES or received[-STATUS_BYTES] != 0:
        raise _HelperGone
    status = int.from_bytes(received[-STATUS_BYTES + 1 :], "big", signed=True)
    if status in TIMEOUTS:
        raise TOO_SLOW
    if status == -signal.SIGKILL:
        raise UnreadableFile("document_too_large", "Reading the file took more than it may.")
    try:
        answer = msgspec.json.decode(received[:-STATUS_BYTES], type=Answer)
        if answer.error:
            log.info("parsing.damaged", error=answer.error[:500])
        return parsed_of(answer)
    except (msgspec.DecodeError, ValueError):
        log.info("parsing.died", status=status)
        raise UnreadableFile("damaged_document", "The file is damaged and cannot be read.") from None


SHARED = Nursery()
"""This process's helper."""
atexit.register(SHARED.close)


def read_apart(module: str, data: bytes, limits: ParseLimits) -> Parsed:
    """What the reader ``module`` makes of ``data``, in a process of its own. Raises ``UnreadableFile``."""
    return SHARED.read(f"service.knowledge.parsing.{module}", data, limits)
