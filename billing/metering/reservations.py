"""Reservations: a call's claim on its counters, made before any work and ended exactly once.

``held → settled | released | expired`` happens under the row's lock and drives events and counters. Locks are
taken in one order by everyone: reservations by id, then counters by (month, subject).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from billing.metering.arrays import array, ids, moments
from billing.metering.counters import Counter, Delta, Deltas, move


class ReservationExpired(Exception):
    """The reservation ran out or was given back before the call ended: nothing is billed."""


@dataclass(slots=True)
class Reservation:
    """A call's claim, to be made or as it is; its fields in the order of ``_LOCK_RESERVATIONS``.

    Prices and ``hold_amounts`` (by counter) are minor units, or free questions. ``knowledge_base_ids``,
    ``creator_ids`` and ``api_prices`` run in parallel. ``units`` and ``amount`` are what it was settled at.
    ``included``: the unit is one of the ``included_limit`` a month that cost nothing.
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
WITH placed AS (
  INSERT INTO reservation (id, meter, month, created_at, expires_at, currency, account_id, organization_id,
    key_id, unit_price, knowledge_base_ids, creator_ids, api_prices, hold_subjects, hold_amounts,
    included, included_limit)
  SELECT id, meter, %s, %s, %s, %s, account_id, organization_id, key_id, unit_price,
    bases::uuid[], creators::uuid[], prices::bigint[], subjects::uuid[], amounts::bigint[],
    included, included_limit
  FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[],
              %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bool[], %s::bigint[])
    AS claim (id, meter, account_id, organization_id, key_id, unit_price,
              bases, creators, prices, subjects, amounts, included, included_limit)
  ON CONFLICT DO NOTHING
  RETURNING id, month, meter, organization_id, hold_subjects, hold_amounts, included
), taken AS (
  SELECT month, subject, sum(amount)::bigint AS amount,
    count(*) FILTER (WHERE included AND subject = organization_id AND meter = 'passages') AS passages,
    count(*) FILTER (WHERE included AND subject = organization_id AND meter = 'answers') AS answers
  FROM placed, unnest(hold_subjects, hold_amounts) AS hold (subject, amount) GROUP BY month, subject
), moved AS (
  UPDATE spend_counter c
  SET reserved = c.reserved + taken.amount, cap = n.cap, paced_until = n.paced_until,
    included_passages = c.included_passages + taken.passages,
    included_answers = c.included_answers + taken.answers
  FROM taken JOIN unnest(%s::uuid[], %s::bigint[], %s::timestamptz[]) AS n (subject, cap, paced_until)
    ON n.subject = taken.subject
  WHERE c.subject_id = taken.subject AND c.month = taken.month
)
SELECT id FROM placed
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
) -> set[UUID]:
    """Makes the reservations and moves the counters, which the caller has locked; returns the ids it made.

    A call that has a reservation already is left alone, and moves nothing.
    """
    subjects = sorted({subject for claim in claims for subject in claim.hold_subjects})
    cursor = await connection.execute(
        _PLACE,
        (
            month,
            now,
            now + expires,
            currency,
            ids(claim.id for claim in claims),
            array(claim.meter for claim in claims),
            ids(claim.account_id for claim in claims),
            ids(claim.organization_id for claim in claims),
            ids(claim.key_id for claim in claims),
            array(claim.unit_price for claim in claims),
            [ids(claim.knowledge_base_ids) for claim in claims],
            [ids(claim.creator_ids) for claim in claims],
            [array(claim.api_prices) for claim in claims],
            [ids(claim.hold_subjects) for claim in claims],
            [array(claim.hold_amounts) for claim in claims],
            array(claim.included for claim in claims),
            array(claim.included_limit for claim in claims),
            ids(subjects),
            array(counters[subject].cap for subject in subjects),
            moments(counters[subject].paced_until for subject in subjects),
        ),
    )
    return {row[0] for row in await cursor.fetchall()}


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
        places = sorted({(one.month, subject) for one in known.values() for subject in one.hold_subjects})
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


async def end(connection: AsyncConnection[Any], ended: Sequence[Reservation]) -> None:
    """Writes the states, units and amounts of locked reservations."""
    if not ended:
        return
    await connection.execute(
        """
        UPDATE reservation r
        SET state = e.state, units = e.units, amount = e.amount, included = e.included,
            ended_at = (SELECT zhihao_now())
        FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::bigint[], %s::bool[])
          AS e (id, state, units, amount, included)
        WHERE r.id = e.id AND r.state = 'held'
        """,
        (
            ids(r.id for r in ended),
            array(r.state for r in ended),
            array(r.units for r in ended),
            array(r.amount for r in ended),
            array(r.included for r in ended),
        ),
    )


Freed = tuple[UUID, str, date]
"""An organization, meter and month in which an included unit came back after calls may have been billed."""


async def expire(
    connection: AsyncConnection[Any], *, now: datetime, limit: int
) -> tuple[list[UUID], set[Freed]]:
    """Gives back at most ``limit`` reservations that ran out; their calls' ids, and what that freed."""
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


def give_back(reservation: Reservation, deltas: Deltas) -> None:
    """Adds to ``deltas`` that the reservation holds nothing any more."""
    for subject, amount in zip(reservation.hold_subjects, reservation.hold_amounts, strict=True):
        deltas.setdefault((reservation.month, subject), Delta()).reserved -= amount


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
    deltas.setdefault(place, Delta()).include(reservation.meter, -1)
    reservation.included = False
    return (reservation.organization_id, reservation.meter, reservation.month) if last else None
