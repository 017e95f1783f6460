"""Spend counters: what a subject spent and holds reserved in one UTC month, against its cap.

A subject is a key, an organization, or one account's free questions on one knowledge base. The arithmetic is
here, pure; rows are locked in the order (month, subject) by everyone, so that groups never wait in a ring.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from psycopg import AsyncConnection, AsyncCursor
from sqlalchemy.ext.asyncio import AsyncConnection as AsyncSessionConnection
from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering.arrays import array, ids, moments
from billing.metering.tables import spend_counter

_FREE_QUESTIONS = UUID("0199a5a0-5f0e-7c6e-8f59-4b1d7c1f2a01")
_WINDOW = timedelta(seconds=60)


def free_questions_subject(account_id: UUID, knowledge_base_id: UUID) -> UUID:
    """The counter of one account's free questions on one knowledge base."""
    return uuid5(_FREE_QUESTIONS, account_id.bytes.hex() + knowledge_base_id.bytes.hex())


@dataclass(slots=True)
class Counter:
    """One row, and what the calls of a group take from it before it is written; ``moved`` if any did."""

    spent: int = 0
    reserved: int = 0
    paced_until: datetime | None = None
    cap: int | None = None
    included_passages: int = 0
    included_answers: int = 0
    moved: bool = False

    def included(self, meter: str) -> int:
        """How many units of the meter are, or are held to be, free of charge: an organization's."""
        return self.included_answers if meter == "answers" else self.included_passages

    def include(self, meter: str, units: int) -> None:
        if meter == "answers":
            self.included_answers += units
        else:
            self.included_passages += units

    def room(self, cap: int | None) -> int | None:
        """What may still be reserved under ``cap``; ``None``: any amount. Never below zero."""
        return None if cap is None else max(0, cap - self.spent - self.reserved)

    def admits(self, cap: int | None, amount: int) -> bool:
        """Whether ``amount`` fits under ``cap``. A cap of 0 admits nothing, not even what is free."""
        return cap is None or (cap > 0 and self.spent + self.reserved + amount <= cap)

    def reserve(self, cap: int | None, amount: int) -> None:
        self.reserved += amount
        self.cap = cap
        self.moved = True


@dataclass(frozen=True, slots=True)
class Pace:
    """What is left of a limit of ``limit`` calls a minute, and in how many seconds all of it is back."""

    limit: int
    remaining: int
    seconds: int


def left_of(until: datetime | None, now: datetime, limit: int) -> Pace:
    """The same line as ``pace`` reads it, seen from outside."""
    booked = max(until - now, timedelta(0)) if until is not None else timedelta(0)
    return Pace(limit, max(0, (_WINDOW - booked) * limit // _WINDOW), math.ceil(booked.total_seconds()))


def pace(until: datetime | None, now: datetime, limit: int) -> tuple[datetime, timedelta]:
    """One more call at ``limit`` calls a minute: when the line ends with it, and how long it must wait.

    The generic cell rate algorithm: each call books 60/limit seconds, at most a minute is booked ahead. So a
    full burst of ``limit`` is let in at once, and then one call each 60/limit seconds. No wait, let in.
    """
    if limit < 1:
        return now, _WINDOW
    start = now if until is None or until < now else until
    end = start + _WINDOW / limit
    return end, max(end - _WINDOW - now, timedelta(0))


async def ensure(connection: AsyncConnection[Any], month: date, subjects: Collection[UUID]) -> None:
    """Makes the missing counters of a month, at nought."""
    await connection.execute(
        """
        INSERT INTO spend_counter (subject_id, month)
        SELECT subject, %s FROM unnest(%s::uuid[]) AS subject ORDER BY subject
        ON CONFLICT DO NOTHING
        """,
        (month, ids(subjects)),
    )


async def last_used(
    session: AsyncSession | AsyncSessionConnection, subjects: Collection[UUID]
) -> dict[UUID, datetime]:
    """When a call was last let in, of those subjects of which there was one."""
    query = (
        sa.select(spend_counter.c.subject_id, sa.func.max(spend_counter.c.used_at).label("at"))
        .where(spend_counter.c.subject_id.in_(subjects), spend_counter.c.used_at.is_not(None))
        .group_by(spend_counter.c.subject_id)
    )
    return {row.subject_id: row.at for row in await session.execute(query)}


async def hold(connection: AsyncConnection[Any], subject_id: UUID) -> None:
    """Locks all of a subject's counters: nobody else moves them, or lets a call in, until the commit."""
    await connection.execute(
        "SELECT FROM spend_counter WHERE subject_id = %s ORDER BY month FOR NO KEY UPDATE", (subject_id,)
    )


async def set_cap(
    connection: AsyncConnection[Any], organization_id: UUID, cap: tuple[int, str] | None
) -> None:
    """Sets or (``None``) removes an organization's monthly cap; in force from the commit on."""
    if cap is None:
        await connection.execute("DELETE FROM spend_cap WHERE organization_id = %s", (organization_id,))
        return
    await connection.execute(
        """
        INSERT INTO spend_cap (organization_id, amount, currency, updated_at)
        VALUES (%s, %s, %s, zhihao_now())
        ON CONFLICT (organization_id) DO UPDATE
        SET amount = excluded.amount, currency = excluded.currency, updated_at = excluded.updated_at
        """,
        (organization_id, *cap),
    )


async def spent_of(connection: AsyncConnection[Any], subject_id: UUID, month: date) -> int:
    """What a subject spent in a month, in minor units."""
    found = await connection.execute(
        "SELECT spent FROM spend_counter WHERE subject_id = %s AND month = %s", (subject_id, month)
    )
    row = await found.fetchone()
    return int(row[0]) if row else 0


async def cap_of(connection: AsyncConnection[Any], organization_id: UUID) -> tuple[int, str] | None:
    """An organization's monthly cap: minor units and currency, or ``None``."""
    found = await connection.execute(
        "SELECT amount, currency FROM spend_cap WHERE organization_id = %s", (organization_id,)
    )
    row = await found.fetchone()
    return None if row is None else (row[0], row[1])


@dataclass(slots=True)
class Delta:
    """What is added to a counter, and whose it is: no organization's, if it counts free questions."""

    organization_id: UUID | None = None
    spent: int = 0
    reserved: int = 0
    passages: int = 0
    answers: int = 0

    def include(self, meter: str, units: int) -> None:
        if meter == "answers":
            self.answers += units
        else:
            self.passages += units


Place = tuple[date, UUID]
"""A month and a subject: a row. Rows are locked in this order."""

Deltas = dict[Place, Delta]

_MOVE = """
UPDATE spend_counter c SET spent = c.spent + d.spent, reserved = c.reserved + d.reserved,
  -- A contract that was bought anew counts from nought, while calls of the old one may still end.
  included_passages = greatest(c.included_passages + d.passages, 0),
  included_answers = greatest(c.included_answers + d.answers, 0)
FROM unnest(%s::date[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
  AS d (month, subject, spent, reserved, passages, answers)
WHERE c.subject_id = d.subject AND c.month = d.month
RETURNING c.month, c.subject_id, c.spent, c.reserved, c.cap
"""


async def move(connection: AsyncConnection[Any], deltas: Deltas) -> AsyncCursor[Any] | None:
    """Adds to counters, in the order in which they are locked; ``read_moved`` has what they came to."""
    if not deltas:
        return None
    places = sorted(deltas, key=lambda place: (place[0], place[1].int))
    moved = [deltas[place] for place in places]
    return await connection.execute(
        _MOVE,
        (
            moments([month for month, _ in places]),
            ids([subject for _, subject in places]),
            array([delta.spent for delta in moved]),
            array([delta.reserved for delta in moved]),
            array([delta.passages for delta in moved]),
            array([delta.answers for delta in moved]),
        ),
        binary=True,
    )


async def read_moved(cursor: AsyncCursor[Any] | None) -> dict[Place, Counter]:
    """What was spent and is reserved now, and under which cap."""
    rows = await cursor.fetchall() if cursor else ()
    return {(month, subject): Counter(spent, held, None, cap) for month, subject, spent, held, cap in rows}
