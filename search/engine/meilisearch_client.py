"""Speaks to Meilisearch: the client is synchronous, so each thread has one of its own, and writes are tasks
that are waited for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, local
from typing import Any, TypeVar

import requests
from meilisearch import Client
from meilisearch._httprequests import HttpRequests
from meilisearch.config import Config
from meilisearch.errors import MeilisearchApiError, MeilisearchError, MeilisearchTimeoutError

from search.engine.config import EngineConfig
from search.engine.port import EngineUnavailable
from search.engine.resting import Patience

THREADS = 4
POLL_SECONDS = 0.02
T = TypeVar("T")


class NotThere(EngineUnavailable):
    """The index asked for is not there."""


class TaskFailed(EngineUnavailable):
    """A task was taken and then failed: as `code` says, by the fault of what was written."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"Meilisearch failed a task: {code}")
        self.code, self.reason = code, reason


class _Kept(HttpRequests):
    """The client's own requests on one kept connection, with the certificate authority of the settings, and
    with as much patience as the others have."""

    def __init__(self, config: Config, ca_file: str, patience: Patience) -> None:
        super().__init__(config)
        self._patience = patience
        self._session = requests.Session()
        self._session.verify = ca_file or True

    def send_request(
        self,
        http_method: Callable[..., Any],
        path: str,
        body: Any = None,
        content_type: str | None = None,
        *,
        serializer: type[json.JSONEncoder] | None = None,
    ) -> Any:
        asked = getattr(self._session, http_method.__name__)
        with self._patience.asking(MeilisearchTimeoutError):
            return super().send_request(asked, path, body, content_type, serializer=serializer)


class Meilisearch:
    """A server, spoken to from threads. All methods raise `EngineUnavailable`."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._lock = Lock()
        self._own = local()
        self._patience = Patience(config.rest_after, config.rest_seconds)
        self._threads: ThreadPoolExecutor | None = None

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """In a thread, where `client` may be used."""
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="meilisearch")
            threads = self._threads
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)
        except MeilisearchApiError as error:
            if error.code == "index_not_found":
                raise NotThere("an index is missing; it must be rebuilt") from error
            raise EngineUnavailable(f"Meilisearch answered {error.status_code}: {error.code}") from error
        except (MeilisearchError, requests.RequestException, ValueError) as error:
            raise EngineUnavailable(f"Meilisearch cannot be reached: {type(error).__name__}") from error

    async def close(self) -> None:
        with self._lock:
            threads, self._threads = self._threads, None
            self._own = local()
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)

    # -- in a thread

    @property
    def client(self) -> Client:
        client: Client | None = getattr(self._own, "client", None)
        if client is None:
            # Whole seconds is what it declares; what it does with them takes any number.
            client = Client(self._config.where.hosts[0], self._config.api_key or None)
            client.config.timeout = self._config.timeout_seconds  # type: ignore[assignment] # as above
            client.http = _Kept(client.config, self._config.ca_file, self._patience)
            client.task_handler.http = client.http
            self._own.client = client
        return client

    def search(self, index: str, query: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.client.http.post(f"indexes/{index}/search", {"q": query, **asked})
        return found

    def write(self, method: str, path: str, body: Any = None) -> None:
        """Done when it returns. Raises `TaskFailed`, `NotThere`."""
        waited = self._config.backoff_seconds
        for attempt in range(self._config.retries + 1):
            try:
                told = getattr(self.client.http, method)(path, body)
                break
            except MeilisearchApiError as error:
                # No room for another task now: told to come back, rather than kept waiting.
                if error.status_code not in (429, 503) or attempt == self._config.retries:
                    raise
                time.sleep(min(waited, 30))
                waited *= 2
        self._wait(int(told["taskUid"]))

    def _wait(self, task: int) -> None:
        until = time.monotonic() + self._config.write_timeout_seconds
        pause = POLL_SECONDS
        while time.monotonic() < until:
            found = self.client.http.get(f"tasks/{task}")
            if found["status"] == "succeeded":
                return
            if found["status"] in ("failed", "canceled"):
                error = found.get("error") or {}
                code = str(error.get("code", found["status"]))
                if code == "index_not_found":
                    raise NotThere("an index is missing; it must be rebuilt")
                raise TaskFailed(code, str(error.get("message", "")))
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
        raise EngineUnavailable("Meilisearch did not get round to a task in time")


def batches(items: Sequence[dict[str, Any]], most: int, most_bytes: int) -> list[list[dict[str, Any]]]:
    """In order, each of at most so many items and bytes (but for one item that is larger alone)."""
    made: list[list[dict[str, Any]]] = []
    size = 0
    for item in items:
        weight = len(json.dumps(item))
        if not made or len(made[-1]) >= most or size + weight > most_bytes:
            made.append([])
            size = 0
        made[-1].append(item)
        size += weight
    return made
