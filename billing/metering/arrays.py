"""PostgreSQL array literals of ids, numbers, moments and fixed words, written in one go.

The driver would look at each element for characters to escape, which costs more than all the rest of a group.
None of these has any: never pass text that came from outside.
"""

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID


def array(values: Iterable[UUID | int | date | datetime | str | None]) -> str:
    """For a parameter that the statement casts, as in ``%s::bigint[]``."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def ids(values: Iterable[UUID | None]) -> str:
    """The same of ids alone, for ``%s::uuid[]``: PostgreSQL reads them without dashes too, which are dear."""
    return "{" + ",".join(["NULL" if value is None else value.hex for value in values]) + "}"


def moments(values: Iterable[date | None]) -> str:
    """The same of moments or dates alone: those of a group are mostly one."""
    return "{" + ",".join(["NULL" if value is None else _moment(value) for value in values]) + "}"


@lru_cache(maxsize=4096)
def _moment(value: date) -> str:
    return str(value)
