"""The sandbox as tests run it: the real program, on a port of its own, with an endpoint that listens."""

import json
import multiprocessing
import runpy
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.process import BaseProcess
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import stripe
from psycopg import sql
from stripe import StripeClient

SECRET = "whsec_contract"

# The program is loaded once, and forked from there for each file of tests.
LOADED = multiprocessing.get_context("forkserver")
LOADED.set_forkserver_preload([__name__, "billing.sandbox.server"])


@dataclass
class Listener:
    """A webhook endpoint: verifies every signature and keeps every payload.

    It answers what is in ``answers`` first, then 200.
    """

    events: list[dict[str, Any]] = field(default_factory=list, repr=False)
    raw: list[str] = field(default_factory=list, repr=False)
    forged: int = 0
    # Endpoints made by a test, by their path; all other paths are signed with SECRET.
    secrets: dict[str, str] = field(default_factory=dict)
    answers: list[int] = field(default_factory=list)
    port: int = 0

    def types(self) -> list[str]:
        """The types that came, in order."""
        return [event["type"] for event in list(self.events)]

    def wait_for(self, type: str, *, id: str | None = None, seconds: float = 5) -> dict[str, Any]:
        """The newest event of a type (about the object ``id``), waited for."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for event in reversed(list(self.events)):
                of = event.get("related_object") or event.get("data", {}).get("object", {})
                about = of.get("id")
                if event["type"] == type and id in (None, about):
                    found: dict[str, Any] = event
                    return found
            time.sleep(0.01)
        raise AssertionError(f"no {type} came; {self.types()}")


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            try:
                secret = listener.secrets.get(self.path, SECRET)
                stripe.WebhookSignature.verify_header(body, self.headers["stripe-signature"], secret, 300)
                status = listener.answers.pop(0) if listener.answers else 200
            except stripe.SignatureVerificationError:
                listener.forged += 1
                status = 400
            if status == 200:
                listener.raw.append(body)
                listener.events.append(json.loads(body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    return Handler


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener on a free port."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    listener = Listener()
    server = Server(("127.0.0.1", 0), _handler(listener))
    listener.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def free_port() -> int:
    """A port nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Sandbox:
    """A running sandbox: ``url`` its address, ``listener`` where its events go."""

    url: str
    process: BaseProcess
    listener: Listener

    @asynccontextmanager
    async def client(self, key: str = "sk_test_contract", retries: int = 0) -> AsyncIterator[StripeClient]:
        """The unmodified SDK, pointed here."""
        http = stripe.HTTPXClient(timeout=10)
        addresses: Any = {"api": self.url, "meter_events": self.url}
        try:
            yield StripeClient(key, base_addresses=addresses, max_network_retries=retries, http_client=http)
        finally:
            await http.close_async()  # type: ignore[no-untyped-call]  # the SDK does not type it

    def control(self, name: str, body: dict[str, Any] | None = None, method: str = "POST") -> dict[str, Any]:
        """One of the sandbox's own routes."""
        answer = httpx.request(method, f"{self.url}/_sandbox/{name}", json=body, timeout=30)
        answer.raise_for_status()
        decoded: dict[str, Any] = answer.json()
        return decoded


@contextmanager
def sandbox_of_its_own(postgres: str) -> Iterator[Sandbox]:
    """The program on an empty database of that server."""
    name = f"sandbox_{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    head, _, tail = postgres.rpartition("/zhihao?")
    with sandbox_running(f"{head}/{name}?{tail}") as running:
        yield running


@contextmanager
def sandbox_running(database_url: str) -> Iterator[Sandbox]:
    """Starts the program, waits until it answers, and stops it."""
    with listening() as listener:
        port = free_port()
        hook = f"http://127.0.0.1:{listener.port}"
        arguments = [
            *("--database-url", database_url, "--port", str(port)),
            *("--webhook-url", f"{hook}/snapshot", "--webhook-secret", SECRET),
            *("--thin-webhook-url", f"{hook}/thin", "--thin-webhook-secret", SECRET),
        ]
        process = LOADED.Process(target=_program, args=arguments, daemon=True)
        process.start()
        sandbox = Sandbox(f"http://127.0.0.1:{port}", process, listener)
        try:
            _wait(sandbox)
            yield sandbox
        finally:
            process.terminate()
            process.join(10)
            stopped = not process.is_alive()
            process.kill()
            process.join()
            process.close()
            assert stopped, "the sandbox does not stop when it is told to"


def _program(*arguments: str) -> None:
    """What ``python -m billing.sandbox`` does."""
    sys.argv[1:] = arguments
    runpy.run_module("billing.sandbox", run_name="__main__", alter_sys=True)


def _wait(sandbox: Sandbox) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert sandbox.process.is_alive(), "the sandbox ended at its start"
        try:
            if httpx.get(f"{sandbox.url}/_sandbox/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.03)
    raise AssertionError("the sandbox does not answer")
