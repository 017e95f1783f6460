"""A server that keeps its callers waiting is left alone for a while: who asks is told so at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from search.engine.port import EngineUnavailable


class Patience:
    """With one server, of all threads and tasks that ask it.

    After `timeouts` requests in a row without an answer in time, nothing is sent for `seconds`. Then one
    request tries: an answer ends the rest, none begins another. A refusal or a failed connection is an answer
    in time."""

    def __init__(self, timeouts: int, seconds: float) -> None:
        self._most, self._seconds = timeouts, seconds
        self._lock = Lock()
        self._timeouts = 0
        self._until = 0.0
        self._trying = False

    @contextmanager
    def asking(self, *slow: type[Exception]) -> Iterator[None]:
        """Around one request, which raises one of `slow` when there was no answer in time.

        Raises `EngineUnavailable` while the server is left alone."""
        trying = self._begin()
        answered: bool | None = None
        try:
            yield
            answered = True
        except slow:
            answered = False
            raise
        except Exception:
            answered = True
            raise
        finally:
            self._end(answered, trying=trying)

    def _begin(self) -> bool:
        """Whether this request is the one that tries."""
        with self._lock:
            if self._timeouts < self._most:
                return False
            if self._trying or time.monotonic() < self._until:
                raise EngineUnavailable("the search server did not answer and is left alone for a while")
            self._trying = True
            return True

    def _end(self, answered: bool | None, *, trying: bool) -> None:
        """`None` is of a request that was given up by who made it."""
        with self._lock:
            if trying:
                self._trying = False
            if answered:
                self._timeouts = 0
            elif answered is False:
                self._timeouts += 1
                if self._timeouts >= self._most:
                    self._until = time.monotonic() + self._seconds
