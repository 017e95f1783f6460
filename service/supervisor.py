"""``zhihao serve``: starts the parts, watches them, and stops them in order.

The children are the API (Granian), the worker and, without a Stripe account, the sandbox. None of them
outlives this process, however it ends; one that falls is started again. The API and the worker are forked
from here, where what they run is loaded once: that takes seconds, and a fork does not.
"""

import asyncio
import functools
import gc
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import structlog

from service.platform.embedded import Completed, complete, own_folder, refuse_unsafe, remember
from service.platform.migrating import migrate
from service.platform.postgres import EmbeddedPostgres
from service.platform.postgres_runner import EmbeddedPostgresError
from service.platform.processes import Fork, free_port, hold, is_ready, require_port, spawn
from service.platform.settings import Settings

log = structlog.get_logger(__name__)

READY_SECONDS = 60.0
API_STOP_SECONDS = 12.0
STOP_SECONDS = 13.0
POSTGRES_STOP_SECONDS = 1.5
WATCH_SECONDS = 0.2
STEADY_SECONDS = 5.0


class NotReady(Exception):
    """The service did not become ready in time, or a part fell while it was starting."""


@dataclass
class Part:
    """One child process, started again when it falls, ever later while it does not stay up."""

    name: str
    begin: "Callable[[], Fork | subprocess.Popen[bytes]]"
    process: "Fork | subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    falls: int = 0

    def start(self) -> None:
        self.process = self.begin()
        self.started = time.monotonic()

    def watch(self) -> None:
        if self.process is None or self.process.poll() is None:
            return
        if time.monotonic() - self.started < min(1.0 * self.falls, STEADY_SECONDS):
            return
        self.falls = self.falls + 1 if time.monotonic() - self.started < STEADY_SECONDS else 1
        log.warning("part.fell", part=self.name, code=self.process.poll(), falls=self.falls)
        self.start()

    def terminate(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, deadline: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("part.killed", part=self.name)
            self.process.kill()
            self.process.wait(STOP_SECONDS)


@dataclass
class Supervisor:
    """The parts of one ``serve``, and the order in which they start and stop."""

    settings: Settings
    host: str
    port: int
    workers: int
    stopping: bool = False
    parts: list[Part] = field(default_factory=list)

    def run(self, on_ready: Callable[[str], None]) -> None:
        """Serves until SIGTERM or SIGINT; ``on_ready`` gets the public address once, in this process.

        Raises ``UnsafeSettings``, ``DataFolderUnusable``, ``EmbeddedPostgresError``, ``FolderInUse``,
        ``PortInUse``, ``DatabaseUnreachable``, ``SchemaOutdated`` or ``NotReady``.
        """
        refuse_unsafe(self.settings)
        require_port(self.host, self.port)
        settings = self.settings
        if "public_url" not in settings.model_fields_set:
            settings = settings.model_copy(update={"public_url": self._loopback})
        folder = own_folder(settings.data_dir)
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._stop)
        held = hold(folder / "serve.lock")
        completed = complete(settings)
        try:
            migrate(completed.settings.database_url)
            self._start(completed)
            self._wait_until_ready()
            if not self.stopping:
                on_ready(completed.settings.public_url)
            while not self.stopping:
                time.sleep(WATCH_SECONDS)
                if completed.postgres is not None:
                    _revive(completed.postgres)
                for part in self.parts:
                    part.watch()
        finally:
            self._shut_down()
            if completed.postgres is not None:
                completed.postgres.leave(seconds=POSTGRES_STOP_SECONDS)
            held.close()

    @property
    def _loopback(self) -> str:
        """Where this machine reaches the API."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _start(self, completed: Completed) -> None:
        settings = completed.settings
        counts = settings.data_dir / "metrics"
        shutil.rmtree(counts, ignore_errors=True)
        counts.mkdir()
        os.environ.update(
            completed.environment(), ZHIHAO_SUPERVISED="1", PROMETHEUS_MULTIPROC_DIR=str(counts)
        )
        # An address that somebody else named is somebody else's sandbox to run.
        if settings.stripe_api_base and not self.settings.stripe_api_base:
            port = free_port(preferred=int(settings.stripe_api_base.rpartition(":")[2]))
            settings.stripe_api_base = os.environ["ZHIHAO_STRIPE_API_BASE"] = f"http://127.0.0.1:{port}"
            remember(settings.data_dir, sandbox_port=port)
            command = self._sandbox_command(settings, port)
            self._begin("sandbox", functools.partial(spawn, command))
        serve_http, serve_jobs = _load()
        self._begin("worker", lambda: Fork("zhihao-worker", lambda: asyncio.run(serve_jobs(settings))))
        serve = functools.partial(
            serve_http,
            host=self.host,
            port=self.port,
            workers=self.workers,
            stop_seconds=int(API_STOP_SECONDS),
        )
        self._begin("api", lambda: Fork("zhihao-api", serve))

    def _begin(self, name: str, begin: "Callable[[], Fork | subprocess.Popen[bytes]]") -> None:
        part = Part(name, begin)
        self.parts.append(part)
        part.start()

    def _sandbox_command(self, settings: Settings, port: int) -> list[str]:
        snapshot, thin = settings.webhook_secrets
        return [
            *(sys.executable, "-m", "billing.sandbox", "--database-url", settings.database_url),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--webhook-url", f"{self._loopback}/webhooks/stripe", "--webhook-secret", snapshot),
            *("--thin-webhook-url", f"{self._loopback}/webhooks/stripe/thin", "--thin-webhook-secret", thin),
        ]

    def _wait_until_ready(self) -> None:
        """Until the API is ready, as it says itself."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.stopping:
            if is_ready(self._loopback):
                return
            for part in self.parts:
                part.watch()
                if part.falls > 5:
                    raise NotReady(f"The {part.name} does not start; its reason is above.")
            if time.monotonic() > deadline:
                raise NotReady(f"The service is not ready after {READY_SECONDS:.0f} s.")
            time.sleep(0.1)

    def _shut_down(self) -> None:
        """The API and the worker together; both may need the sandbox while they drain, so that goes last."""
        deadline = time.monotonic() + STOP_SECONDS
        for part in reversed(self.parts):
            if part.name != "sandbox":
                part.terminate()
        for part in reversed(self.parts):
            part.terminate()
            part.wait(deadline)


def _load() -> tuple[Callable[..., None], Callable[[Settings], Coroutine[Any, Any, None]]]:
    """What the API and the worker run. Looking for garbage meanwhile would cost a third more, and later
    every fork would copy what is looked at."""
    gc.disable()
    from service.api import serve_http  # reads where to count from the environment while it loads
    from service.worker import serve_jobs

    gc.enable()
    gc.freeze()
    return serve_http, serve_jobs


def _revive(postgres: EmbeddedPostgres) -> None:
    """Tried again and again: until it comes, the API answers 503, which is better than not at all."""
    try:
        postgres.revive()
    except EmbeddedPostgresError as error:
        log.warning("postgres.down", reason=str(error))
        time.sleep(1)
