"""What one call costs, and whose it is: its price split over the bases it was drawn from. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from billing.metering.reservations import Reservation
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
