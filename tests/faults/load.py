"""Callers that go on calling while something breaks, and count what they were told."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.stubs.openai_server import stub_model

CALLERS = 4
UNANSWERED = 0
"""The status of a call that got no answer."""


class Load:
    """Metered calls with one key from several threads. ``told`` counts the statuses."""

    def __init__(self, url: str, secret: str, base_id: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._body = {"query": "feed roses with potash", "knowledge_base_ids": [base_id], "top_k": 3}
        self._stop = threading.Event()
        self.told: Counter[int] = Counter()
        self.problems: list[str] = []

    def client(self) -> httpx.Client:
        # Plain HTTP: certificates would cost more to load than the calls do.
        return httpx.Client(
            base_url=self._url, headers=self._headers, timeout=20, trust_env=False, verify=False
        )

    def call(self, client: httpx.Client) -> int:
        try:
            answer = client.post("/api/v1/passages", json=self._body)
        except httpx.TransportError:
            return UNANSWERED
        if answer.status_code not in {200, 503}:
            self.problems.append(answer.text)
        return answer.status_code

    def _go_on(self) -> None:
        with self.client() as client:
            while not self._stop.is_set():
                status = self.call(client)
                self.told[status] += 1
                if status != 200:
                    self._stop.wait(0.05)

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._go_on) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
            self._stop.clear()


@contextmanager
def stalling_model(sentence: str) -> Iterator[str]:
    """A model's address: it says ``sentence`` at once and the rest never."""

    async def reply(_request: dict[str, Any]) -> AsyncIterator[str]:
        yield sentence
        yield " And"  # a sentence is over when the next one begins
        await asyncio.sleep(600)

    address: list[str] = []
    listening = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with stub_model(reply) as model:
            address.append(model.base_url)
            listening.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert listening.wait(5)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
