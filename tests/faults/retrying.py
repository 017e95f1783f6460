"""Callers that mean each call once: they repeat it with the same Idempotency-Key until it is acknowledged."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import httpx

CUT = 0
"""The status of a call whose connection ended without an answer."""
AGAIN = {CUT, 409, 503}
"""Told so, one tries again: nothing came, the first try has not ended, or not now."""
PATIENCE_SECONDS = 240
PAUSE_SECONDS = 0.2


class NeverAcknowledged(Exception):
    """A call that was repeated for ``PATIENCE_SECONDS``, or was answered what no caller should be."""


def client(url: str, credential: str) -> httpx.Client:
    # Plain HTTP: certificates would cost more to load than the calls do.
    headers = {"Authorization": f"Bearer {credential}"}
    return httpx.Client(base_url=url, headers=headers, timeout=15, trust_env=False, verify=False)


def once(
    http: httpx.Client, path: str, body: Any, *, statuses: Counter[int] | None = None, expect: int = 200
) -> Any:
    """The acknowledged answer to one call, however often it has to be made."""
    headers = {"Idempotency-Key": uuid4().hex}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        status, said = CUT, ""
        try:
            answer = http.post(path, json=body, headers=headers)
            status, said = answer.status_code, answer.text
        except httpx.TransportError:
            pass
        if statuses is not None:
            statuses[status] += 1
        if status == expect:
            return answer.json()
        in_progress = status != 409 or "idempotency_in_progress" in said
        if status not in AGAIN or not in_progress or time.monotonic() > deadline:
            raise NeverAcknowledged(f"{path}: {status} {said[:500]}")
        time.sleep(PAUSE_SECONDS)


@dataclass
class Ledger:
    """What one key was told: passages calls counted, answers by id."""

    secret: str
    passages: int = 0
    answers: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def acknowledged(self) -> int:
        return self.passages + len(self.answers)


class Callers:
    """One thread a key, each calling for passages or an answer until the block ends, and then to the end."""

    def __init__(self, url: str, base_id: str, secrets: list[str]) -> None:
        self._url, self._base_id = url, base_id
        self._stop = threading.Event()
        self.told = [Ledger(secret) for secret in secrets]
        self.failed: list[BaseException] = []

    @property
    def acknowledged(self) -> int:
        return sum(ledger.acknowledged for ledger in self.told)

    def told_so(self, status: int) -> int:
        """How often some caller was."""
        return sum(ledger.statuses[status] for ledger in self.told)

    @contextmanager
    def calling(self, seed: int) -> Iterator[None]:
        self._stop.clear()
        with ExitStack() as stack:
            for number, ledger in enumerate(self.told):
                draws = random.Random(f"{seed}:{number}")
                stack.enter_context(self._beside(partial(self._call_on, ledger, draws)))
            stack.callback(self._stop.set)
            yield
        assert not self.failed, self.failed

    @contextmanager
    def _beside(self, work: Callable[[], None]) -> Iterator[None]:
        def watched() -> None:
            try:
                work()
            except BaseException as error:
                self.failed.append(error)

        thread = threading.Thread(target=watched)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def _call_on(self, ledger: Ledger, draws: random.Random) -> None:
        bases = [self._base_id]
        with client(self._url, ledger.secret) as http:
            while not self._stop.is_set():
                if draws.random() < 0.6:
                    body: dict[str, object] = {"query": "feed roses with potash", "top_k": 3}
                    once(http, "/api/v1/passages", body | {"knowledge_base_ids": bases},
                         statuses=ledger.statuses)  # fmt: skip
                    ledger.passages += 1
                else:
                    body = {"question": "When should I feed roses with potash?", "knowledge_base_ids": bases}
                    answer = once(http, "/api/v1/answers", body, statuses=ledger.statuses)
                    assert answer["usage"]["billed_units"] == 1, answer
                    ledger.answers.append(answer["id"])
