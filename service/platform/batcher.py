"""Callers that wait are served in groups: one round of work for many. It knows no table and no meaning.

A group is formed when a place for one is free: from whoever waits then, up to ``size``. So a lone caller
is served at once, and the busier it gets the larger groups grow. Where callers come together (several wait,
or another group is being served, or the last one was of several) a group waits for more for ``wait`` seconds.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")


class Overloaded(Exception):
    """More callers wait than can be served soon; nothing was begun."""

    headers: dict[str, str]

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__("too many calls are waiting; try again in a moment")
        self.headers = {"Retry-After": str(retry_after)}


class Batcher(Generic[Item, Result]):
    """Groups the items that are submitted, and hands each submitter its own result or error.

    ``work`` takes a group and returns, in the same order, a result or an exception for each item. When it
    raises one of ``shared``, everyone in the group gets that; when it raises anything else, the group is cut
    in half and each half is tried again, so that one bad item fails alone: work that raises has left nothing.
    ``unclaimed`` is told the results that nobody waits for any more, because the caller was cancelled.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        size: int,
        groups: int,
        queue_limit: int,
        wait: float = 0.0,
        shared: tuple[type[Exception], ...] = (),
        unclaimed: Callable[[Sequence[Result]], Awaitable[None]] | None = None,
    ) -> None:
        self._work = work
        self._size = size
        self._groups = groups
        self._queue_limit = queue_limit
        self._wait = wait
        self._shared = shared
        self._unclaimed = unclaimed
        self._queue: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._serving = 0
        self._last = 0
        self._closed = False

    async def submit(self, item: Item) -> Result:
        """Waits for the item's result. Raises what ``work`` gave for it, or ``Overloaded`` at once."""
        if self._closed or len(self._queue) >= self._queue_limit:
            raise Overloaded
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        if self._serving < self._groups:
            self._serving += 1
            worker = asyncio.create_task(self._serve())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return await future

    async def close(self) -> None:
        """Serves everyone who waits, refuses whoever comes after, and returns when all is done."""
        self._closed = True
        while self._workers:
            await asyncio.gather(*self._workers, return_exceptions=True)

    async def _serve(self) -> None:
        try:
            while self._queue:
                if self._wait and len(self._queue) < self._size and self._several():
                    await asyncio.sleep(self._wait)
                if group := self._next_group():
                    await self._serve_group(group)
        finally:
            # In the same breath as the look at the queue, or a caller between the two would wait for nobody.
            self._serving -= 1

    def _several(self) -> bool:
        """Whether somebody may be about to come: who comes alone, call after call, waits for nobody."""
        return len(self._queue) > 1 or self._serving > 1 or self._last > 1

    def _next_group(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        group: list[tuple[Item, asyncio.Future[Result]]] = []
        while self._queue and len(group) < self._size:
            item, future = self._queue.popleft()
            if not future.done():
                group.append((item, future))
        self._last = len(group)
        return group

    async def _serve_group(self, group: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        results = await self._results([item for item, _ in group])
        unclaimed: list[Result] = []
        for (_, future), result in zip(group, results, strict=True):
            if future.done():
                if not isinstance(result, Exception):
                    unclaimed.append(result)
            elif isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        if unclaimed and self._unclaimed is not None:
            try:
                await self._unclaimed(unclaimed)
            except Exception:
                log.exception("batch.unclaimed", results=len(unclaimed))

    async def _results(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            return await self._work(items)
        except self._shared as error:
            return [error] * len(items)
        except Exception as error:
            if len(items) == 1:
                return [error]
            middle = len(items) // 2
            return [*await self._results(items[:middle]), *await self._results(items[middle:])]
