"""What may be charged: a currency Stripe settles for small amounts, within its least amount and ours.

Stripe charges no less than about half a dollar. Its least amounts are per settlement currency; those it does
not publish are kept here as rounded equivalents. A currency that is not in the list is not for sale.
"""

from billing.money import THREE_DECIMAL, Money

LEAST = {
    # as Stripe publishes them
    "usd": 50, "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50,
    "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
    # equivalents
    "bhd": 190, "clp": 500, "cny": 400, "idr": 900_000, "ils": 200, "jod": 360, "krw": 700, "kwd": 160,
    "omr": 200, "php": 3000, "sar": 200, "tnd": 1600, "try": 2500, "twd": 1700, "vnd": 13_500, "zar": 1000,
}  # fmt: skip


class InvalidAmount(Exception):
    """The amount cannot be charged; says why, and what could. ``pointer`` is where it stands in the body."""

    pointer = "/price"


def check_amount(price: Money, *, least: Money, most: int) -> None:
    """Whether ``price`` may be charged. Raises ``InvalidAmount``.

    ``least`` is our own floor and counts in its own currency only. ``most`` is in minor units of any.
    """
    floor = LEAST.get(price.currency)
    if floor is None:
        raise InvalidAmount(f"Nothing can be sold in {price.currency.upper()}.")
    if price.currency == least.currency:
        floor = max(floor, least.amount)
    if price.amount < floor:
        raise InvalidAmount(f"The least that can be charged is {Money(floor, price.currency)}.")
    if price.amount > most:
        raise InvalidAmount(f"The most that can be charged is {Money(most, price.currency)}.")
    if price.currency in THREE_DECIMAL and price.amount % 10:
        raise InvalidAmount(f"An amount in {price.currency.upper()} must end in 0: cards carry two decimals.")
