"""What a group of ended calls comes to: what each is told, and what moves. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from billing.metering.alerts import Passed, passed
from billing.metering.bills import Bill, Own, Rates, bill
from billing.metering.counters import Counter, Delta, Deltas, Place, free_questions_subject
from billing.metering.reservations import Freed, Reservation, ReservationExpired, exclude, give_back


@dataclass(slots=True)
class Ending:
    """How a call ended: ``units`` 1 bills it, 0 gives the reservation back.

    ``drawn_from`` weighs the knowledge bases the result came from; only those of the reservation count.
    """

    call_id: UUID
    units: int
    drawn_from: Mapping[UUID, int] = field(default_factory=dict)


@dataclass(slots=True)
class Settled:
    """What the caller is told; ``given_back`` free questions were reserved and not used.

    ``cap_remaining`` is known once the counters have moved (``tell_rooms``).
    """

    units: int
    amount: int
    given_back: int
    cap_remaining: int | None = None


@dataclass(slots=True)
class Bucket:
    """What a group adds to an hour's total, and what that comes to (``usage.count`` fills it in)."""

    added: int = 0
    total: int = 0


@dataclass(slots=True)
class Billed:
    """An ended call, what it came to, and how much of its buckets' additions it and those before it are."""

    reservation: Reservation
    bill: Bill
    bucket: Bucket
    nth: int
    on_top: Bucket | None = None
    on_top_nth: int = 0


@dataclass(slots=True)
class Changes:
    """What a group of endings writes. Buckets are by organization, meter and hour."""

    ended: list[Reservation] = field(default_factory=list)
    deltas: Deltas = field(default_factory=dict)
    bills: list[Billed] = field(default_factory=list)
    buckets: dict[tuple[UUID, str, datetime], Bucket] = field(default_factory=dict)
    freed: set[Freed] = field(default_factory=set)

    def count(self, organization_id: UUID, meter: str, hour: datetime, units: int) -> Bucket:
        key = (organization_id, meter, hour)
        bucket = self.buckets.get(key)
        if bucket is None:
            bucket = self.buckets[key] = Bucket()
        bucket.added += units
        return bucket


@lru_cache(maxsize=4096)
def hour_of(moment: datetime) -> datetime:
    """The UTC hour a moment is in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def settle(
    endings: Sequence[Ending],
    reservations: Mapping[UUID, Reservation],
    counters: Mapping[Place, Counter],
    rates: Rates,
    own: Own = (),
) -> tuple[list[Settled | ReservationExpired], Changes]:
    """Ends each call once. A call that ended the same way before gets the same answer and moves nothing.

    A call whose reservation expired, or was given back, cannot be billed any more: ``ReservationExpired`` in
    its place. Giving back what has ended does nothing. ``counters`` are moved; they may be left out where no
    reservation knows of included units (``plain``).
    """
    changes = Changes()
    results: list[Settled | ReservationExpired] = []
    for ending in endings:
        reservation = reservations.get(ending.call_id)
        if reservation is None:
            results.append(ReservationExpired("this call has no reservation"))
        elif reservation.state == "held":
            _end(reservation, ending, counters, rates, own, changes)
            results.append(_told(reservation, ending))
        elif reservation.state == "settled" or ending.units == 0:
            results.append(_told(reservation, ending))
        else:
            results.append(
                ReservationExpired("the call took longer than its reservation; nothing was billed")
            )
    if counters:
        for place, delta in changes.deltas.items():
            counters[place].reserved += delta.reserved
            counters[place].spent += delta.spent
    return results, changes


def plain(reservation: Reservation | None) -> bool:
    """Whether what the call comes to follows from the reservation alone, if it is still held."""
    return (
        reservation is not None
        and reservation.state == "held"
        and not reservation.included_limit
        and reservation.own is not None
    )


def _end(
    reservation: Reservation,
    ending: Ending,
    counters: Mapping[Place, Counter],
    rates: Rates,
    own: Own,
    changes: Changes,
) -> None:
    reservation.units, reservation.amount = 0, 0
    reservation.state = "settled" if ending.units else "released"
    changes.ended.append(reservation)
    organization = reservation.organization_id
    if not ending.units:
        give_back(reservation, changes.deltas)
        if freed := exclude(reservation, counters, changes.deltas):
            changes.freed.add(freed)
    elif organization is not None:
        if reservation.included_limit:
            _include(reservation, counters, changes.deltas)
        cost = bill(reservation, ending.drawn_from, rates, own)
        reservation.units, reservation.amount = 1, cost.amount
        give_back(reservation, changes.deltas, cost.amount)
        hour = hour_of(reservation.created_at)
        bucket = changes.count(organization, reservation.meter, hour, 1)
        billed = Billed(reservation, cost, bucket, bucket.added)
        if cost.on_top:
            billed.on_top = changes.count(organization, "creator_prices", hour, cost.on_top)
            billed.on_top_nth = billed.on_top.added
        changes.bills.append(billed)
    else:
        give_back(reservation, changes.deltas)
        for subject in _asked(reservation, ending):
            changes.deltas[reservation.month, subject].spent += 1


def _include(reservation: Reservation, counters: Mapping[Place, Counter], deltas: Deltas) -> None:
    """An included unit that was given back since goes to the next call that is billed."""
    assert reservation.organization_id is not None
    place = (reservation.month, reservation.organization_id)
    counter = counters[place]
    if not reservation.included and counter.included(reservation.meter) < reservation.included_limit:
        reservation.included = True
        counter.include(reservation.meter, 1)
        deltas.setdefault(place, Delta(place[1])).include(reservation.meter, 1)


def _asked(reservation: Reservation, ending: Ending) -> set[UUID]:
    """The free questions that were spent: on the bases the answer was drawn from, of those held."""
    account = reservation.account_id
    if account is None or not ending.units or not reservation.hold_subjects:
        return set()
    return {free_questions_subject(account, b) for b in ending.drawn_from} & set(reservation.hold_subjects)


def _told(reservation: Reservation, ending: Ending) -> Settled:
    if reservation.account_id is not None:
        return Settled(0, 0, len(reservation.hold_subjects) - len(_asked(reservation, ending)))
    return Settled(reservation.units or 0, reservation.amount or 0, 0)


def tell_rooms(
    results: Sequence[Settled | ReservationExpired],
    endings: Sequence[Ending],
    reservations: Mapping[UUID, Reservation],
    counters: Mapping[Place, Counter],
) -> None:
    """Tells each call of a key what its caps leave, now that the group's counters have moved."""
    rooms = {place: counter.room(counter.cap) for place, counter in counters.items()}
    for result, ending in zip(results, endings, strict=True):
        if isinstance(result, Settled):
            reservation = reservations[ending.call_id]
            if reservation.account_id is None:
                month = reservation.month
                left = [rooms.get((month, subject)) for subject in reservation.hold_subjects]
                result.cap_remaining = min([room for room in left if room is not None], default=None)


def marks(deltas: Deltas, counters: Mapping[Place, Counter], percents: Sequence[int]) -> list[Passed]:
    """The marks of their caps that organizations and keys passed, the counters having moved."""
    return [
        Passed(subject, delta.organization_id, month, percent, counter.cap, counter.spent)
        for (month, subject), delta in deltas.items()
        if delta.spent and delta.organization_id and (counter := counters[month, subject]).cap
        for percent in passed(counter.cap, counter.spent - delta.spent, counter.spent, percents)
    ]
