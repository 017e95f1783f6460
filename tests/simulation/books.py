"""What a month must come to, by arithmetic of its own.

Nothing here is taken from the service or from the sandbox: fees, splits and shares are computed anew from
what people did, in fractions, so that a fault in the service's own arithmetic cannot hide in both.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

TAKE = Fraction(20, 100)
CITED = Fraction(50, 100)
"""Of a metered call's standard price, what its creators have."""
PRICES = {"passages": 2, "answers": 20}

FEE_RATE = Fraction(29, 1000)
# Thirty US cents and fifteen dollars in minor units of each currency, at the sandbox's published rates.
FEE_FIXED = {"cny": Fraction(213), "usd": Fraction(30), "jpy": Fraction(45)}
LEAST_CHARGE = 355
"""Half a dollar in fen; less is carried to the next invoice."""
DISPUTE_FEE = {"cny": 10_650, "usd": 1_500, "jpy": 2_250}


def half_up(amount: Fraction) -> int:
    """To the nearest whole, a half away from zero."""
    sign = -1 if amount < 0 else 1
    return sign * int(abs(amount) + Fraction(1, 2))


def fee_of(amount: int, currency: str) -> int:
    """What the processor keeps of a card payment."""
    return min(amount, half_up(amount * FEE_RATE + FEE_FIXED[currency]))


def parts_of(total: int, weights: Sequence[int | Fraction]) -> list[int]:
    """``total`` in whole parts by weight: those cut most short have one more, the earlier first."""
    whole = sum(Fraction(weight) for weight in weights)
    exact = [total * Fraction(weight) / whole for weight in weights]
    parts = [part.numerator // part.denominator for part in exact]
    short = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in short[: total - sum(parts)]:
        parts[i] += 1
    return parts


@dataclass
class Sale:
    """One payment to one creator, and how it was divided."""

    creator: str
    what: str
    currency: str
    amount: int
    creator_part: int
    platform_part: int
    creator_fee: int
    platform_fee: int
    returned: int = 0


@dataclass
class Books:
    """Totals by (creator, currency) or by currency, in minor units."""

    earned: Counter[tuple[str, str]] = field(default_factory=Counter)
    fees: Counter[tuple[str, str]] = field(default_factory=Counter)
    refunded: Counter[tuple[str, str]] = field(default_factory=Counter)
    paid: Counter[tuple[str, str]] = field(default_factory=Counter)
    platform: Counter[str] = field(default_factory=Counter)
    platform_fees: Counter[str] = field(default_factory=Counter)
    balance: Counter[str] = field(default_factory=Counter)
    deeds: Counter[str] = field(default_factory=Counter)

    def sell(self, what: str, creator: str, amount: int, currency: str) -> Sale:
        """A reader paid ``amount``."""
        fee = fee_of(amount, currency)
        theirs, ours = parts_of(amount, [1 - TAKE, TAKE])
        their_fee, our_fee = parts_of(fee, [1 - TAKE, TAKE])
        self.earned[creator, currency] += theirs
        self.fees[creator, currency] += their_fee
        self.platform[currency] += ours
        self.platform_fees[currency] += our_fee
        self.balance[currency] += amount - fee
        self.deeds[what] += 1
        return Sale(creator, what, currency, amount, theirs, ours, their_fee, our_fee)

    def give_back(self, what: str, sale: Sale, amount: int) -> None:
        """``amount`` of a sale was returned. Counted from the whole, so that parts add up to it."""
        shares = [sale.creator_part, sale.platform_part]
        before = parts_of(sale.returned, shares) if sale.returned else [0, 0]
        sale.returned += amount
        after = parts_of(sale.returned, shares)
        self.refunded[sale.creator, sale.currency] += after[0] - before[0]
        self.platform[sale.currency] -= after[1] - before[1]
        self.balance[sale.currency] -= amount
        self.deeds[what] += 1

    def lose(self, sale: Sale) -> None:
        """The bank took all of a sale, and its own fee, which is the platform's to bear."""
        self.give_back("dispute lost", sale, sale.amount - sale.returned)
        fee = DISPUTE_FEE[sale.currency]
        self.platform_fees[sale.currency] += fee
        self.balance[sale.currency] -= fee

    def win(self, sale: Sale) -> None:
        """The bank gave all of it back but its fee."""
        fee = DISPUTE_FEE[sale.currency]
        self.platform_fees[sale.currency] += fee
        self.balance[sale.currency] -= fee
        self.deeds["dispute won"] += 1

    def invoice(self, calls: "Sequence[MeteredCall]") -> None:
        """An organization paid for its metered calls, unless they came to less than can be charged."""
        total = sum(call.price for call in calls)
        if total < LEAST_CHARGE:
            self.deeds["too small to charge"] += 1
            return
        accrued: defaultdict[str, int] = defaultdict(int)
        for call in calls:
            for creator, share in call.shares().items():
                accrued[creator] += share
        creators = sorted(accrued)
        weights = [*(accrued[creator] for creator in creators), total - sum(accrued.values())]
        fee = fee_of(total, "cny")
        *theirs, ours = parts_of(total, weights)
        *their_fees, our_fee = parts_of(fee, weights)
        for creator, share, part in zip(creators, theirs, their_fees, strict=True):
            self.earned[creator, "cny"] += share
            self.fees[creator, "cny"] += part
        self.platform["cny"] += ours
        self.platform_fees["cny"] += our_fee
        self.balance["cny"] += total - fee
        self.deeds["metered invoice"] += 1

    def payable(self, creator: str, currency: str) -> int:
        key = (creator, currency)
        return self.earned[key] - self.fees[key] - self.refunded[key] - self.paid[key]


@dataclass(frozen=True)
class MeteredCall:
    """A billed call: ``drawn`` counts the citations of each creator's base."""

    meter: str
    drawn: tuple[tuple[str, int], ...]

    @property
    def price(self) -> int:
        return PRICES[self.meter]

    def shares(self) -> dict[str, int]:
        """What accrues to each creator: half of the price, by citations."""
        pot = half_up(self.price * CITED)
        parts = parts_of(pot, [weight for _, weight in self.drawn])
        return {creator: part for (creator, _), part in zip(self.drawn, parts, strict=True)}
