"""Money: integer minor units with a currency, and the one way to divide it.

Minor units are those Stripe charges in: most currencies have two decimals, some none, some three. The
constants below are Stripe's lists, and say nothing about a currency's exchange rate.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

MAX_AMOUNT = 2**63 - 1
"""What a PostgreSQL ``bigint`` holds."""


def _codes(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


ZERO_DECIMAL = _codes("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
"""Charged in whole units. (UGX and ISK lost their decimals but Stripe still takes them with two.)"""

THREE_DECIMAL = _codes("bhd jod kwd omr tnd")
"""Three decimals, of which card networks carry two: a charged amount must end in 0."""

CURRENCIES = (
    _codes(
        """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny
    cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk
    jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio
    nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs
    top try ttd twd tzs uah ugx usd uyu uzs wst xcd xcg yer zar zmw
        """
    )
    | ZERO_DECIMAL
    | THREE_DECIMAL
)
"""Lower-case ISO 4217 codes of the currencies Stripe presents."""


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``amount`` minor units of ``currency`` (lower-case ISO 4217). May be negative: a debt is money too.

    It has no order and no division: amounts are compared by whoever has checked the currency, and divided
    by ``allocate``. Raises ``ValueError`` for an unknown currency or an amount beyond 64 bits.
    """

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.amount, bool) or not isinstance(self.amount, int):
            raise ValueError("an amount is an integer of minor units")
        if abs(self.amount) > MAX_AMOUNT:
            raise ValueError("the amount is out of range")
        if self.currency not in CURRENCIES:
            raise ValueError("the currency must be a lower-case ISO 4217 code that Stripe can charge")

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __str__(self) -> str:
        """For people: ``9.90 CNY``, ``990 JPY``, ``0.990 KWD``."""
        places = decimals(self.currency)
        return f"{Decimal(self.amount).scaleb(-places):.{places}f} {self.currency.upper()}"

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")


def decimals(currency: str) -> int:
    """How many decimals the currency's minor unit stands for: 0, 2 or 3."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Divides ``amount`` in proportion to ``weights``, by largest remainder; the parts sum back to it.

    Each part is its exact share rounded up or down, equal remainders go to the earlier weight, a weight of
    0 gets 0, and a negative amount is divided as its positive would be. Raises ``ValueError`` for no
    weights, a negative one, or only zeros (when there is something to divide).
    """
    if not weights or any(weight < 0 for weight in weights):
        raise ValueError("weights must be given and not be negative")
    if len(weights) == 1 and weights[0]:
        return [amount]
    total = sum(weights)
    if total == 0:
        if amount:
            raise ValueError("nothing can be divided by weights of zero")
        return [0] * len(weights)
    sign = -1 if amount < 0 else 1
    parts, remainders = zip(*(divmod(abs(amount) * weight, total) for weight in weights), strict=True)
    shares = list(parts)
    by_remainder = sorted(range(len(weights)), key=lambda index: (-remainders[index], index))
    for index in by_remainder[: abs(amount) - sum(shares)]:
        shares[index] += 1
    return [sign * share for share in shares]
