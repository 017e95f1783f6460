"""Reservations: a call's claim on its counters, made before any work and ended exactly once.

``held → settled | released | expired`` happens under the row's lock and drives events and counters. Locks are
taken in one order by everyone: reservations by id, then counters by (month, subject).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, AsyncCursor

from billing.metering.arrays import array, ids, moments
from billing.metering.counters import Counter, Delta, Deltas, move
from billing.metering.planning import by_index


class ReservationExpired(Exception):
    """The reservation ran out or was given back before the call ended: nothing is billed."""


@dataclass(slots=True)
class Reservation:
    """A call's claim, to be made or as it is; its fields in the order of ``_LOCK_RESERVATIONS``.

    Prices and ``hold_amounts`` (by counter) are minor units, or free questions. ``knowledge_base_ids``,
    ``creator_ids`` and ``api_prices`` run in parallel. ``units`` and ``amount`` are what it was settled at.
    ``included``: the unit is one of the ``included_limit`` a month that cost nothing. ``own`` are those
    creators who are of the calling organization, where that is known; it is not stored.
    """

    id: UUID
    state: str
    meter: str
    month: date
    created_at: datetime
    account_id: UUID | None
    organization_id: UUID | None
    key_id: UUID | None
    currency: str
    unit_price: int
    knowledge_base_ids: Sequence[UUID]
    creator_ids: Sequence[UUID]
    api_prices: Sequence[int]
    hold_subjects: Sequence[UUID]
    hold_amounts: Sequence[int]
    units: int | None = None
    amount: int | None = None
    included: bool = False
    included_limit: int = 0
    own: Collection[UUID] | None = None

    @property
    def price(self) -> int:
        """Of the unit itself, in minor units."""
        return 0 if self.included else self.unit_price


_LOCK_RESERVATIONS = """
SELECT id, state, meter, month, created_at, account_id, organization_id, key_id, currency, unit_price,
  knowledge_base_ids, creator_ids, api_prices, hold_subjects, hold_amounts, units, amount, included,
  included_limit
FROM reservation WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""

_PLACE = """
INSERT INTO reservation (id, meter, month, created_at, expires_at, currency, account_id, organization_id,
  key_id, unit_price, knowledge_base_ids, creator_ids, api_prices, hold_subjects, hold_amounts, included,
  included_limit)
SELECT claim.id, claim.meter, %s, %s, %s, %s, claim.account_id, claim.organization_id, claim.key_id,
  claim.unit_price, shape.bases, shape.creators, shape.prices,
  CASE WHEN claim.key_id IS NULL THEN claim.subjects::uuid[]
       ELSE ARRAY[claim.key_id, claim.organization_id] END,
  CASE WHEN claim.key_id IS NULL THEN claim.amounts::bigint[] ELSE ARRAY[claim.amount, claim.amount] END,
  claim.included, claim.included_limit
FROM unnest(%s::uuid[], %s::int[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[], %s::bigint[],
            %s::text[], %s::text[], %s::bool[], %s::bigint[])
  AS claim (id, shape, meter, account_id, organization_id, key_id, unit_price, amount,
            subjects, amounts, included, included_limit)
JOIN (SELECT shape, bases::uuid[], creators::uuid[], prices::bigint[]
      FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS s (bases, creators, prices, shape)
      OFFSET 0) AS shape USING (shape)
"""

_TAKE = """
UPDATE spend_counter c
SET reserved = n.reserved, cap = n.cap, paced_until = n.paced_until,
  included_passages = n.included_passages, included_answers = n.included_answers, used_at = %s
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::bigint[], %s::bigint[])
  AS n (subject, reserved, cap, paced_until, included_passages, included_answers)
WHERE c.subject_id = n.subject AND c.month = %s
"""


async def place(
    connection: AsyncConnection[Any],
    claims: Sequence[Reservation],
    counters: Mapping[UUID, Counter],
    *,
    now: datetime,
    month: date,
    expires: timedelta,
    currency: str,
) -> None:
    """Makes the reservations, and writes the counters as they were moved for them; the caller locked them.

    Raises ``psycopg.errors.UniqueViolation`` when a call has a reservation already.
    """
    # Calls that ask for the same share the very same tuples, so that nothing need be compared.
    shapes: dict[tuple[int, int, int], tuple[int, Reservation]] = {}
    shaped = [
        shapes.setdefault(
            (id(claim.knowledge_base_ids), id(claim.creator_ids), id(claim.api_prices)),
            (len(shapes) + 1, claim),
        )[0]
        for claim in claims
    ]
    shown = [claim for _, claim in shapes.values()]
    taken = [(subject, counter) for subject, counter in counters.items() if counter.moved]
    await connection.execute(
        _PLACE,
        (
            month,
            now,
            now + expires,
            currency,
            ids([claim.id for claim in claims]),
            array(shaped),
            array([claim.meter for claim in claims]),
            ids([claim.account_id for claim in claims]),
            ids([claim.organization_id for claim in claims]),
            ids([claim.key_id for claim in claims]),
            array([claim.unit_price for claim in claims]),
            array([claim.hold_amounts[0] if claim.key_id else None for claim in claims]),
            [None if claim.key_id else ids(claim.hold_subjects) for claim in claims],
            [None if claim.key_id else array(claim.hold_amounts) for claim in claims],
            array([claim.included for claim in claims]),
            array([claim.included_limit for claim in claims]),
            [ids(claim.knowledge_base_ids) for claim in shown],
            [ids(claim.creator_ids) for claim in shown],
            [array(claim.api_prices) for claim in shown],
        ),
    )
    if not taken:
        return
    now_are = [counter for _, counter in taken]
    await connection.execute(
        _TAKE,
        (
            now,
            ids([subject for subject, _ in taken]),
            array([counter.reserved for counter in now_are]),
            array([counter.cap for counter in now_are]),
            moments([counter.paced_until for counter in now_are]),
            array([counter.included_passages for counter in now_are]),
            array([counter.included_answers for counter in now_are]),
            month,
        ),
    )


_LOCK_STATES = """
SELECT id, state, units, amount, included FROM reservation WHERE id = ANY(%s::uuid[])
ORDER BY id FOR NO KEY UPDATE
"""

_COUNTERS = """
SELECT c.month, c.subject_id, c.spent, c.reserved, c.paced_until, c.cap, c.included_passages,
  c.included_answers
FROM spend_counter c WHERE (c.month, c.subject_id) IN ({})
ORDER BY c.month, c.subject_id FOR NO KEY UPDATE
"""
_LOCK_COUNTERS = _COUNTERS.format(
    "SELECT month, unnest(hold_subjects) FROM reservation WHERE id = ANY(%s::uuid[])"
)
_LOCK_NAMED_COUNTERS = _COUNTERS.format("SELECT * FROM unnest(%s::date[], %s::uuid[])")

Locked = tuple[dict[UUID, Reservation], dict[tuple[date, UUID], Counter]]


async def lock(
    connection: AsyncConnection[Any],
    call_ids: Collection[UUID],
    known: Mapping[UUID, Reservation] | None = None,
) -> Locked:
    """The reservations of these calls and their counters, locked, in one round trip.

    Of calls that are all ``known``, as they were when they were placed, only what changes is read.
    """
    wanted = ids(call_ids)
    if known is not None and all(call_id in known for call_id in call_ids):
        places = {(one.month, subject) for one in known.values() for subject in one.hold_subjects}
        async with connection.pipeline():
            states = await connection.execute(_LOCK_STATES, (wanted,), binary=True)
            counters = await connection.execute(
                _LOCK_NAMED_COUNTERS,
                (moments(month for month, _ in places), ids(subject for _, subject in places)),
                binary=True,
            )
        found: dict[UUID, Reservation] = {}
        for call_id, state, units, amount, included in await states.fetchall():
            one = found[call_id] = known[call_id]
            one.state, one.units, one.amount, one.included = state, units, amount, included
    else:
        async with connection.pipeline():
            rows = await connection.execute(_LOCK_RESERVATIONS, (wanted,))
            counters = await connection.execute(_LOCK_COUNTERS, (wanted,))
        found = {row[0]: Reservation(*row) for row in await rows.fetchall()}
    return found, {(row[0], row[1]): Counter(*row[2:]) for row in await counters.fetchall()}


async def existing(connection: AsyncConnection[Any], call_ids: Collection[UUID]) -> set[UUID]:
    """Which of these calls have a reservation: how a lost COMMIT is found out."""
    cursor = await connection.execute(
        "SELECT id FROM reservation WHERE id = ANY(%s::uuid[])", (ids(call_ids),)
    )
    return {row[0] for row in await cursor.fetchall()}


async def running_of(connection: AsyncConnection[Any], organization_id: UUID) -> int:
    """How many calls of the organization hold a reservation."""
    cursor = await connection.execute(
        "SELECT count(*) FROM reservation WHERE state = 'held' AND organization_id = %s", (organization_id,)
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def state_of(connection: AsyncConnection[Any], call_id: UUID) -> str | None:
    """held, settled, released or expired; ``None`` for a call that was never admitted."""
    cursor = await connection.execute("SELECT state FROM reservation WHERE id = %s", (call_id,))
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


_END = """
UPDATE reservation r
SET state = e.state, units = e.units, amount = e.amount, included = e.included,
    ended_at = (SELECT zhihao_now())
FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::bigint[], %s::bool[])
  AS e (id, state, units, amount, included)
-- Compared so that no index on the state is used: it has all that ended since the last vacuum.
WHERE r.id = e.id AND r.state || '' = 'held'
"""


async def end(connection: AsyncConnection[Any], ended: Sequence[Reservation]) -> AsyncCursor[Any] | None:
    """Writes the states, units and amounts of those that are held, in the order of their ids.

    The cursor's ``rowcount`` says how many were; the others have ended already, and are as they were.
    """
    if not ended:
        return None
    ended = sorted(ended, key=lambda one: one.id.int)
    return await connection.execute(
        _END,
        (
            ids([r.id for r in ended]),
            array([r.state for r in ended]),
            array([r.units for r in ended]),
            array([r.amount for r in ended]),
            array([r.included for r in ended]),
        ),
    )


Freed = tuple[UUID, str, date]
"""An organization, meter and month in which an included unit came back after calls may have been billed."""


async def expire(
    connection: AsyncConnection[Any], *, now: datetime, limit: int
) -> tuple[list[UUID], set[Freed]]:
    """Gives back at most ``limit`` reservations that ran out; their calls' ids, and what that freed."""
    await by_index(connection)
    cursor = await connection.execute(
        """
        SELECT id FROM reservation WHERE state = 'held' AND expires_at <= %s
        ORDER BY expires_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
        """,
        (now, limit),
    )
    expired = [row[0] for row in await cursor.fetchall()]
    if not expired:
        return [], set()
    reservations, counters = await lock(connection, expired)
    deltas: Deltas = {}
    freed: set[Freed] = set()
    for reservation in reservations.values():
        reservation.state = "expired"
        give_back(reservation, deltas)
        if one := exclude(reservation, counters, deltas):
            freed.add(one)
    await move(connection, deltas)
    await end(connection, list(reservations.values()))
    return expired, freed


def give_back(reservation: Reservation, deltas: Deltas, spent: int = 0) -> None:
    """Adds to ``deltas`` that the reservation holds nothing any more, and that its subjects spent so much."""
    for subject, amount in zip(reservation.hold_subjects, reservation.hold_amounts, strict=True):
        place = (reservation.month, subject)
        delta = deltas.get(place)
        if delta is None:
            delta = deltas[place] = Delta(reservation.organization_id)
        delta.reserved -= amount
        delta.spent += spent


def exclude(
    reservation: Reservation, counters: Mapping[tuple[date, UUID], Counter], deltas: Deltas
) -> Freed | None:
    """Gives back the included unit of an unbilled call. Says which, when it was among the last ones: calls
    that came after may have been billed, and would not have been without this one."""
    if not reservation.included or reservation.organization_id is None:
        return None
    place = (reservation.month, reservation.organization_id)
    counter = counters[place]
    last = counter.included(reservation.meter) >= reservation.included_limit
    counter.include(reservation.meter, -1)
    deltas.setdefault(place, Delta(reservation.organization_id)).include(reservation.meter, -1)
    reservation.included = False
    return (reservation.organization_id, reservation.meter, reservation.month) if last else None
