"""What an ended call comes to: its price, who it belongs to, and what moves. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from billing.metering.alerts import Passed, passed
from billing.metering.counters import Counter, Delta, Deltas, Place, free_questions_subject
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


@dataclass(slots=True)
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
    creators, prices = reservation.creator_ids, reservation.api_prices
    organization = reservation.organization_id
    if reservation.own is None:
        own_creators: Collection[UUID] = [c for c in creators if own and (organization, c) in own]
    else:
        own_creators = reservation.own
    return _bill(
        tuple(reservation.knowledge_base_ids),
        tuple(creators),
        tuple(prices),
        tuple([rates.kept(creator, reservation.created_at) for creator in creators]) if any(prices) else None,
        tuple([c in own_creators for c in creators]) if own_creators else None,
        reservation.price,
        tuple(drawn_from.items()),
        rates.share_bps,
        rates.own_bps,
    )


@lru_cache(maxsize=16_384)
def _bill(
    bases: tuple[UUID, ...],
    creators: tuple[UUID, ...],
    prices: tuple[int, ...],
    kept_bps: tuple[int, ...] | None,
    own: tuple[bool, ...] | None,
    price: int,
    drawn_from: tuple[tuple[UUID, int], ...],
    share_bps: int,
    own_bps: int,
) -> Bill:
    """Most calls ask and draw from the same bases as others before: their bills are one."""
    drawn = [(bases.index(base), weight) for base, weight in drawn_from if weight > 0 and base in bases]
    if not drawn:
        return Bill(price, 0, (Share(bases[0], creators[0], 1, Part(price)),))
    weights = [weight for _, weight in drawn]
    standard = allocate(price, weights)
    accruing = allocate(_part(price, share_bps), weights)
    heaviest = weights.index(max(weights))
    shares = []
    for place, ((n, _), part, accrued) in enumerate(zip(drawn, standard, accruing, strict=True)):
        left = own_bps if own and own[n] else BASIS_POINTS
        kept = _part(prices[n], kept_bps[n]) if kept_bps else 0
        units = 1 if place == heaviest else 0
        shares.append(
            Share(bases[n], creators[n], units, _less(part, accrued, left), _less(prices[n], kept, left))
        )
    on_top = sum(prices[n] for n, _ in drawn)
    return Bill(price + on_top, on_top, tuple(shares))


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
