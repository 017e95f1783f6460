"""Work that belongs to the process and not to the request that began it.

When a caller leaves, the server cancels whatever serves the request, and not even a ``finally`` may await any
more. What must end well all the same (settling, releasing) runs here; a stopping process waits for it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

log = structlog.get_logger(__name__)

T = TypeVar("T")

_OWNED: dict["asyncio.Task[Any]", Callable[[], None] | None] = {}
_LEAVING: set[int] = set()
"""The loops that are to end."""


def own(work: Coroutine[Any, Any, T], *, stop: Callable[[], None] | None = None) -> "asyncio.Task[T]":
    """Starts the work. ``stop`` is called when the process cannot wait any longer; it must not block."""
    task = asyncio.create_task(work)
    _OWNED[task] = stop
    task.add_done_callback(_ended)
    return task


def _ended(task: "asyncio.Task[Any]") -> None:
    _OWNED.pop(task, None)
    if not task.cancelled() and task.exception() is not None:
        # Whoever waited has it too; when nobody does, this is its only trace.
        log.info("task.failed", error=type(task.exception()).__name__)


async def drain(seconds: float, *, last_seconds: float = 2.0) -> None:
    """Waits for all owned work of this loop, asks the rest to stop after ``seconds``, and waits a little."""
    if await _wait(seconds):
        return
    for stop in [stop for stop in _OWNED.values() if stop is not None]:
        stop()
    if not await _wait(last_seconds):
        log.warning("tasks.abandoned", count=len(_OWNED))


async def leave(seconds: float) -> None:
    """The process is to end: ``leaving()`` is true from now on, and all owned work is drained."""
    _LEAVING.add(id(asyncio.get_running_loop()))
    await drain(seconds)


def leaving() -> bool:
    """Whether a stream that could go on for long must end now; whoever listens comes back elsewhere."""
    return id(asyncio.get_running_loop()) in _LEAVING


async def _wait(seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    mine = [task for task in _OWNED if task.get_loop() is loop]
    if mine:
        _, waiting = await asyncio.wait(mine, timeout=seconds)
        return not waiting
    return True
