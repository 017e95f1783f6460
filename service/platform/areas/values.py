"""How the values of settings are read where plain types do not say it."""

from decimal import Decimal

MEBIBYTE = 1024 * 1024


def number(value: object) -> object:
    """A number out of the environment is text, which a ``Literal`` of numbers would refuse."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def listed(value: str) -> tuple[str, ...]:
    """The items of a comma-separated list, without the empty ones."""
    return tuple(item.strip() for item in value.split(",") if item.strip())


def by_currency(value: str) -> dict[str, Decimal]:
    """``cny:10000,usd:1500`` as amounts by currency."""
    pairs = (item.partition(":") for item in listed(value))
    return {currency.strip().lower(): Decimal(amount.strip()) for currency, _, amount in pairs}
