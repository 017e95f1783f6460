"""What an ended call comes to: its price, who it belongs to, and what moves. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from uuid import UUID

from billing.metering.alerts import Passed, passed
from billing.metering.counters import Counter, Deltas, free_questions_subject
from billing.metering.reservations import Freed, Reservation, ReservationExpired, exclude, give_back
from billing.money import allocate

BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Rates:
    """What accrues to creators, in basis points: of the standard price, and of what they ask on top.

    ``agreed`` has the take rates that were in force for a creator when a call was admitted; who is not in it
    has ``take_rate_bps``. ``own_bps`` is how much of what accrues is left when the call is of an organization
    of the creator's own.
    """

    share_bps: int
    take_rate_bps: int
    agreed: Mapping[tuple[UUID, datetime], int] = field(default_factory=dict)
    own_bps: int = 0

    def kept(self, creator_id: UUID, at: datetime) -> int:
        """Of what the creator asks on top of a call admitted at that time, in basis points."""
        return BASIS_POINTS - self.agreed.get((creator_id, at), self.take_rate_bps)


Own = Collection[tuple[UUID, UUID]]
"""Pairs of an organization and a creator who is of it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended: ``units`` 1 bills it, 0 gives the reservation back.

    ``drawn_from`` weighs the knowledge bases the result came from; only those of the reservation count.
    """

    call_id: UUID
    units: int
    drawn_from: Mapping[UUID, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """``accrued`` of ``amount`` is the creator's. ``withheld`` would be too, had the call not been of an
    organization of the creator's own."""

    amount: int = 0
    accrued: int = 0
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What of one event belongs to one knowledge base: of the standard price, and what its creator asks."""

    knowledge_base_id: UUID
    creator_id: UUID
    units: int
    standard: Part
    on_top: Part = field(default_factory=Part)

    @property
    def amount(self) -> int:
        return self.standard.amount + self.on_top.amount

    @property
    def accrued(self) -> int:
        return self.standard.accrued + self.on_top.accrued

    @property
    def withheld(self) -> int:
        return self.standard.withheld + self.on_top.withheld


@dataclass(frozen=True, slots=True)
class Bill:
    """``on_top`` is the part of ``amount`` that creators ask beside the standard price."""

    amount: int
    on_top: int
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What the caller is told; ``given_back`` free questions were reserved and not used."""

    units: int
    amount: int
    given_back: int
    cap_remaining: int | None


@dataclass(slots=True)
class Changes:
    """What a group of endings writes."""

    ended: list[Reservation] = field(default_factory=list)
    deltas: Deltas = field(default_factory=dict)
    bills: list[tuple[Reservation, Bill]] = field(default_factory=list)
    buckets: dict[tuple[UUID, str, datetime], int] = field(default_factory=dict)
    freed: set[Freed] = field(default_factory=set)
    passed: list[Passed] = field(default_factory=list)


@lru_cache(maxsize=4096)
def hour_of(moment: datetime) -> datetime:
    """The UTC hour a moment is in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def asking_on_top(reservations: Iterable[Reservation]) -> list[tuple[UUID, datetime]]:
    """The creators that ask a price of their own, and when: whose take rates ``Rates.agreed`` has to have."""
    return list(
        {
            (creator, reservation.created_at): None
            for reservation in reservations
            for creator, price in zip(reservation.creator_ids, reservation.api_prices, strict=True)
            if price
        }
    )


def bill(reservation: Reservation, drawn_from: Mapping[UUID, int], rates: Rates, own: Own = ()) -> Bill:
    """The price of one unit, split over the knowledge bases it was drawn from.

    The standard price is split by weight, and what a creator asks on top is that base's own. The unit counts
    for the heaviest base. What was drawn from nothing belongs to the first base asked, and accrues to nobody.
    What would accrue to a creator of the calling organization itself is withheld.
    """
    bases = {
        base: (creator, price)
        for base, creator, price in zip(
            reservation.knowledge_base_ids, reservation.creator_ids, reservation.api_prices, strict=True
        )
    }
    drawn = {base: weight for base, weight in drawn_from.items() if base in bases and weight > 0}
    if not drawn:
        first = reservation.knowledge_base_ids[0]
        alone = Share(first, bases[first][0], 1, Part(reservation.price))
        return Bill(reservation.price, 0, (alone,))
    weights = list(drawn.values())
    standard = allocate(reservation.price, weights)
    accruing = allocate(_part(reservation.price, rates.share_bps), weights)
    heaviest = max(drawn, key=lambda base: drawn[base])
    shares = []
    for base, part, accrued in zip(drawn, standard, accruing, strict=True):
        creator, price = bases[base]
        left = rates.own_bps if (reservation.organization_id, creator) in own else BASIS_POINTS
        kept = _part(price, rates.kept(creator, reservation.created_at))
        units = 1 if base == heaviest else 0
        shares.append(Share(base, creator, units, _less(part, accrued, left), _less(price, kept, left)))
    on_top = sum(bases[base][1] for base in drawn)
    return Bill(reservation.price + on_top, on_top, tuple(shares))


def _less(amount: int, accrued: int, left_bps: int) -> Part:
    left = _part(accrued, left_bps)
    return Part(amount, left, accrued - left)


@lru_cache(maxsize=65_536)
def _part(amount: int, bps: int) -> int:
    """So many basis points of an amount; the platform has an equal remainder."""
    return amount - allocate(amount, [BASIS_POINTS - bps, bps])[0]


def settle(
    endings: Sequence[Ending],
    reservations: Mapping[UUID, Reservation],
    counters: Mapping[tuple[date, UUID], Counter],
    rates: Rates,
    own: Own = (),
    percents: Sequence[int] = (),
) -> tuple[list[Settled | ReservationExpired], Changes]:
    """Ends each call once. A call that ended the same way before gets the same answer and moves nothing.

    A call whose reservation expired, or was given back, cannot be billed any more: ``ReservationExpired`` in
    its place. Giving back what has ended does nothing. ``percents`` are the marks of a cap to be told of.
    """
    changes = Changes()
    results: list[Settled | ReservationExpired] = []
    for ending in endings:
        reservation = reservations.get(ending.call_id)
        if reservation is None:
            results.append(ReservationExpired("this call has no reservation"))
        elif reservation.state == "held":
            results.append(_end(reservation, ending, counters, rates, own, percents, changes))
        elif reservation.state == "settled" or ending.units == 0:
            results.append(_told(reservation, ending, counters))
        else:
            results.append(
                ReservationExpired("the call took longer than its reservation; nothing was billed")
            )
    return results, changes


def _end(
    reservation: Reservation,
    ending: Ending,
    counters: Mapping[tuple[date, UUID], Counter],
    rates: Rates,
    own: Own,
    percents: Sequence[int],
    changes: Changes,
) -> Settled:
    give_back(reservation, changes.deltas)
    reservation.units, reservation.amount = 0, 0
    reservation.state = "released" if ending.units == 0 else "settled"
    changes.ended.append(reservation)
    spent: dict[UUID, int] = {}
    if not ending.units:
        if freed := exclude(reservation, counters, changes.deltas):
            changes.freed.add(freed)
    elif reservation.organization_id is not None and reservation.key_id is not None:
        _include(reservation, counters, changes.deltas)
        cost = bill(reservation, ending.drawn_from, rates, own)
        reservation.units, reservation.amount = 1, cost.amount
        changes.bills.append((reservation, cost))
        hour = hour_of(reservation.created_at)
        for meter, total in ((reservation.meter, 1), ("creator_prices", cost.on_top)):
            if total:
                bucket = (reservation.organization_id, meter, hour)
                changes.buckets[bucket] = changes.buckets.get(bucket, 0) + total
        spent = {reservation.key_id: cost.amount, reservation.organization_id: cost.amount}
    elif reservation.account_id is not None:
        spent = {
            subject: 1
            for subject in (free_questions_subject(reservation.account_id, b) for b in ending.drawn_from)
            if subject in reservation.hold_subjects
        }
    for subject, amount in zip(reservation.hold_subjects, reservation.hold_amounts, strict=True):
        counter = counters[reservation.month, subject]
        counter.reserved -= amount
        if added := spent.get(subject, 0):
            if counter.cap and reservation.organization_id is not None:
                whose, month = reservation.organization_id, reservation.month
                changes.passed += [
                    Passed(subject, whose, month, percent, counter.cap, counter.spent + added)
                    for percent in passed(counter.cap, counter.spent, counter.spent + added, percents)
                ]
            counter.spent += added
            changes.deltas[reservation.month, subject].spent += added
    return _told(reservation, ending, counters)


def _include(reservation: Reservation, counters: Mapping[tuple[date, UUID], Counter], deltas: Deltas) -> None:
    """An included unit that was given back since goes to the next call that is billed."""
    assert reservation.organization_id is not None
    place = (reservation.month, reservation.organization_id)
    counter = counters[place]
    if not reservation.included and counter.included(reservation.meter) < reservation.included_limit:
        reservation.included = True
        counter.include(reservation.meter, 1)
        deltas[place].include(reservation.meter, 1)


def _told(reservation: Reservation, ending: Ending, counters: Mapping[tuple[date, UUID], Counter]) -> Settled:
    own = [counters[reservation.month, subject] for subject in reservation.hold_subjects]
    if reservation.account_id is not None:
        drawn = ending.drawn_from if ending.units else ()
        used = {free_questions_subject(reservation.account_id, base) for base in drawn}
        return Settled(0, 0, sum(1 for s in reservation.hold_subjects if s not in used), None)
    rooms = [room for counter in own if (room := counter.room(counter.cap)) is not None]
    return Settled(reservation.units or 0, reservation.amount or 0, 0, min(rooms, default=None))
