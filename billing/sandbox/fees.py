"""What a charge costs and how small it may be, by a fixed table of rates."""

from decimal import ROUND_HALF_UP, Decimal

PERCENT = Decimal("0.029")
FIXED_USD = Decimal("0.30")
LEAST_USD = Decimal("0.50")

PER_DOLLAR = {
    "usd": "1",
    "cny": "7.1",
    "hkd": "7.8",
    "twd": "32",
    "mop": "8",
    "sgd": "1.35",
    "myr": "4.4",
    "eur": "0.92",
    "gbp": "0.79",
    "chf": "0.88",
    "cad": "1.37",
    "aud": "1.52",
    "nzd": "1.66",
    "jpy": "150",
    "krw": "1380",
    "thb": "34",
    "vnd": "25000",
    "inr": "84",
    "idr": "16000",
    "php": "58",
    "bhd": "0.376",
    "kwd": "0.307",
    "sek": "10.5",
    "nok": "10.8",
    "dkk": "6.9",
    "brl": "5.4",
    "mxn": "18.5",
}
"""Units of a currency for one US dollar; fixed, so that tests are too."""

ZERO_DECIMAL = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "ugx",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])


def minor_units(dollars: Decimal, currency: str) -> Decimal:
    """Dollars as minor units of a currency, not rounded; an unlisted currency counts as the dollar."""
    digits = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    return (dollars * Decimal(PER_DOLLAR.get(currency, "1"))).scaleb(digits)


def rounded(amount: Decimal) -> int:
    """To whole minor units, halves away from zero, as Stripe rounds."""
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def processing_fee(amount: int, currency: str) -> int:
    """2.9% and 30 US cents' worth, in minor units of the settlement currency."""
    return min(amount, rounded(amount * PERCENT + minor_units(FIXED_USD, currency)))


def least_charge(currency: str) -> int:
    """The smallest amount that can be charged, about 50 US cents."""
    return rounded(minor_units(LEAST_USD, currency))
