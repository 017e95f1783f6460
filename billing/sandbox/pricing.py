"""What a quantity costs at a price."""

from dataclasses import dataclass
from decimal import Decimal

from billing.sandbox.fees import rounded
from billing.sandbox.shape import Body


@dataclass(frozen=True)
class Portion:
    """Part of a quantity at one unit price; ``amount`` in whole minor units, ``flat`` included."""

    quantity: Decimal
    unit: Decimal
    amount: int


def portions(price: Body, quantity: Decimal) -> list[Portion]:
    """The quantity split by the price's tiers; never empty, so that an unused meter shows as nought."""
    transform = price["transform_quantity"]
    if transform:
        quantity, rest = divmod(quantity, transform["divide_by"])
        quantity += 1 if rest and transform["round"] == "up" else 0
    tiers = price.get("_tiers") or []
    if not tiers:
        unit = Decimal(price["unit_amount_decimal"] or 0)
        return [Portion(quantity, unit, rounded(quantity * unit))]
    if price["tiers_mode"] == "volume":
        tier = next(one for one in tiers if one["up_to"] is None or quantity <= one["up_to"])
        return [_portion(tier, quantity)]
    found: list[Portion] = []
    below = Decimal(0)
    for tier in tiers:
        top = quantity if tier["up_to"] is None else min(quantity, Decimal(tier["up_to"]))
        if top > below or not found:
            found.append(_portion(tier, top - below))
        below = max(below, top)
    return found


def _portion(tier: Body, quantity: Decimal) -> Portion:
    unit = Decimal(tier["unit_amount_decimal"] or 0)
    flat = Decimal(tier["flat_amount_decimal"] or 0) if quantity else Decimal(0)
    return Portion(quantity, unit, rounded(quantity * unit + flat))


def amount(price: Body, quantity: int) -> int:
    """The whole of it, in minor units."""
    return sum(portion.amount for portion in portions(price, Decimal(quantity)))
