"""A process that has the readers loaded and forks one for each file; run by ``isolation``, not imported.

It is one thread, holds no secret, and opens no file of a stranger's itself: a reader that dies, hangs or eats
its memory takes nothing with it. It ends when the process that started it does.
"""

import contextlib
import importlib
import logging
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from types import ModuleType

import msgspec

from service.knowledge.parsing.answers import Answer, Request, answered
from service.knowledge.parsing.confining import confine
from service.knowledge.parsing.parsed import UnreadableFile

STATUS = struct.Struct(">ci")


def main(control: socket.socket) -> None:
    """Serves requests until the other end of ``control`` is closed; then kills what still reads."""
    running: dict[int, tuple[int, socket.socket]] = {}  # what tells of its end: the reader's pid, its answer
    while True:
        ready, _, _ = select.select([control.fileno(), *running], [], [])
        for ended in ready:
            if ended == control.fileno():
                message, files, _, _ = socket.recv_fds(control, 64 * 1024, 2)
                if not message:
                    for pid, _ in running.values():
                        os.kill(pid, signal.SIGKILL)
                    return
                source, answer = files
                request = msgspec.json.decode(message, type=Request)
                others = [control, *(connection for _, connection in running.values())]
                watch, pid, connection = _begin(request, source, answer, others)
                running[watch] = (pid, connection)
            else:
                _finish(ended, *running.pop(ended))


def _begin(
    request: Request, source: int, answer: int, others: Sequence[socket.socket]
) -> tuple[int, int, socket.socket]:
    """Forks a reader: what becomes readable when it ends, its pid, and where its end is told.

    The reader closes the connections of ``others``, whose ends would else wait for its own.
    """
    try:
        reader = importlib.import_module(request.module)
    except ImportError:
        reader = None
    connection = socket.socket(fileno=answer)
    watch, held = os.pipe()
    pid = os.fork()
    if pid == 0:
        for other in others:
            other.close()
        os.close(watch)
        _read(reader, request, source, connection)
    os.close(held)
    os.close(source)
    return watch, pid, connection


def _finish(watch: int, pid: int, connection: socket.socket) -> None:
    os.close(watch)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        connection.sendall(STATUS.pack(b"\0", os.waitstatus_to_exitcode(status)))
    connection.close()


def _read(reader: ModuleType | None, request: Request, source: int, connection: socket.socket) -> None:
    """In the reader's own process, which it ends."""
    code = 1
    try:
        logging.disable()
        confine(request.limits, size=request.size)
        answer = _outcome(reader, os.pread(source, request.size, 0), request)
        connection.sendall(msgspec.json.encode(answer))
        code = 0
    finally:
        os._exit(code)


def _outcome(reader: ModuleType | None, data: bytes, request: Request) -> Answer:
    if reader is None:
        return Answer(code="unsupported_format", detail="What reads this format is not installed here.")
    try:
        return answered(reader.parse(data, request.limits))
    except UnreadableFile as refusal:
        return Answer(code=refusal.code, detail=refusal.detail)
    except MemoryError:
        return Answer(code="document_too_large", detail="Reading the file takes more memory than it may.")
    except RecursionError:
        return Answer(code="damaged_document", detail="The file is nested too deeply to be read.")
    except Exception as error:
        # Whatever a library trips over in a stranger's file.
        return Answer(
            code="damaged_document", detail="The file is damaged and cannot be read.", error=repr(error)
        )


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
