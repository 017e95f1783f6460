"""A small HTTP server on loopback, for stand-ins of search servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import RLock, Thread
from time import sleep
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]


class Server(Protocol):
    """What a stand-in is: `answer` is called by one thread at a time."""

    headers: dict[str, str]

    def answer(self, method: str, path: list[str], asked: dict[str, str], body: bytes) -> Answer: ...


class Faults:
    """What the next requests are answered instead, and what came in. While `hanging` is set, nothing is
    answered."""

    def __init__(self) -> None:
        self.hanging = False
        self.next: list[Callable[[str, str], Answer | None]] = []
        self.seen: list[tuple[str, str, dict[str, str]]] = []

    def once(self, part: str, status: int, body: Any) -> None:
        """The next request whose path holds `part`."""
        self.next.append(lambda method, path: (status, body) if part in path else None)


@contextmanager
def serving(server: Server, faults: Faults) -> Iterator[str]:
    """Yields the address, `127.0.0.1:port`."""
    lock = RLock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes: the second would wait 40 ms for the first to be acknowledged.
        disable_nagle_algorithm = True

        def handle_one(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[-1] for name, values in parse_qs(parts.query, True).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                faults.seen.append((self.command, parts.path, dict(self.headers)))
            while faults.hanging:
                sleep(0.01)
            with lock:
                given = None
                for fault in faults.next:
                    if (given := fault(self.command, parts.path)) is not None:
                        faults.next.remove(fault)
                        break
                path = [unquote(part) for part in parts.path.strip("/").split("/")]
                status, told = given or server.answer(self.command, path, asked, body)
            sent = b"" if self.command == "HEAD" else json.dumps(told).encode()
            self.send_response(status)
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_one

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is printed."""

    served = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.daemon_threads = True
    thread = Thread(target=served.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{served.server_port}"
    finally:
        served.shutdown()
        served.server_close()
        thread.join()
