"""Automatic tax, by a fixed table of rates: enough to be wrong about nothing but the law.

A price that does not say otherwise holds its tax within, but in US and Canadian dollars adds it, as Stripe's
default setting has it. Where a buyer is, is the customer's address, else the rule ``tax_country``.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billing.sandbox.fees import rounded
from billing.sandbox.shape import Body, build
from billing.sandbox.store import Store

PERCENT = {
    **dict.fromkeys(("HK", "MO", "US"), "0"),
    "CN": "6",
    "TW": "5",
    "SG": "9",
    "JP": "10",
    "KR": "10",
    "MY": "8",
    "TH": "7",
    "AU": "10",
    "NZ": "15",
    "GB": "20",
    "DE": "19",
    "FR": "20",
    "ES": "21",
    "IT": "22",
    "NL": "21",
    "IE": "23",
    "PT": "23",
    "AT": "20",
    "BE": "21",
    "FI": "25.5",
    "SE": "25",
    "DK": "25",
    "NO": "25",
    "CH": "8.1",
    "CA": "5",
}
"""Percent on a digital service, by country; a country that is not here counts as not collected in."""

REVERSED = frozenset(PERCENT) - {"US", "CA", "HK", "MO", "CN", "TW"}
"""Where a business abroad that gives its tax number accounts for the tax itself."""


@dataclass(frozen=True)
class Place:
    """Where a buyer is taxed; ``exempt`` is the customer's ``tax_exempt``."""

    country: str
    exempt: str = "none"


@dataclass(frozen=True)
class Tax:
    """What one amount holds (``inclusive``) or gets on top. Amounts in minor units, negative for credits."""

    amount: int
    taxable: int
    inclusive: bool
    reason: str
    rate: str

    def entry(self) -> Body:
        """As invoices and their lines show it."""
        return {
            "amount": self.amount,
            "tax_behavior": "inclusive" if self.inclusive else "exclusive",
            "tax_rate_details": {"tax_rate": self.rate},
            "taxability_reason": self.reason,
            "taxable_amount": self.taxable,
            "type": "tax_rate_details",
        }


def place_of(store: Store, customer: Body | None) -> Place:
    """Where the customer is, as far as is known."""
    address = (customer or {}).get("address") or {}
    country = address.get("country") or store.rules.tax_country
    exempt = (customer or {}).get("tax_exempt") or "none"
    if (customer or {}).get("_tax_ids") and country in REVERSED and country != store.config.country:
        exempt = "reverse"
    return Place(country, exempt)


def behavior_of(price: Body | None, currency: str) -> str:
    """``inclusive`` or ``exclusive``."""
    said = (price or {}).get("tax_behavior") or "unspecified"
    if said != "unspecified":
        return str(said)
    return "exclusive" if currency in ("usd", "cad") else "inclusive"


def tax_on(amount: int, behavior: str, place: Place) -> Tax:
    """The tax of one amount."""
    inclusive = behavior == "inclusive"
    percent = Decimal(PERCENT.get(place.country, "0"))
    rate = rate_id(place.country, inclusive=inclusive)
    if place.exempt != "none":
        reason = "reverse_charge" if place.exempt == "reverse" else "customer_exempt"
        return Tax(0, amount if place.exempt == "reverse" else 0, inclusive, reason, rate)
    if not percent:
        reason = "zero_rated" if place.country in PERCENT else "not_collecting"
        return Tax(0, 0, inclusive, reason, rate)
    if not inclusive:
        return Tax(rounded(amount * percent / 100), amount, inclusive, "standard_rated", rate)
    tax = rounded(amount * percent / (100 + percent))
    return Tax(tax, amount - tax, inclusive, "standard_rated", rate)


def total(taxes: list[Body]) -> list[Body]:
    """Line taxes added up by rate and reason: an invoice's ``total_taxes``."""
    found: dict[tuple[str, str, str], Body] = {}
    for one in taxes:
        key = (one["tax_rate_details"]["tax_rate"], one["tax_behavior"], one["taxability_reason"])
        if key in found:
            found[key]["amount"] += one["amount"]
            found[key]["taxable_amount"] += one["taxable_amount"]
        else:
            found[key] = {**one, "tax_rate_details": dict(one["tax_rate_details"])}
    return list(found.values())


def settings(*, enabled: bool, provider: bool = True, complete: bool = True) -> Body:
    """An object's ``automatic_tax``; with ``provider`` as invoices and sessions show it."""
    shown: Body = {"enabled": enabled, "liability": {"account": None, "type": "self"} if enabled else None}
    if provider:
        status = "complete" if complete else "requires_location_inputs"
        shown |= {"provider": "stripe" if enabled else None, "status": status if enabled else None}
    return shown


def rate_id(country: str, *, inclusive: bool) -> str:
    """The id of a rate of the table."""
    return f"txr_sandbox_{country.lower()}_{'inclusive' if inclusive else 'exclusive'}"


def rate_of(id: str) -> Body | None:
    """A rate of the table as Stripe's object, or None."""
    _txr, _, rest = id.partition("txr_sandbox_")
    country, _, kind = rest.partition("_")
    country = country.upper()
    if country not in PERCENT or kind not in ("inclusive", "exclusive"):
        return None
    percent: Any = float(PERCENT[country])
    return build(
        "tax_rate",
        id=id,
        active=True,
        country=country,
        created=0,
        display_name="VAT",
        effective_percentage=percent,
        inclusive=kind == "inclusive",
        jurisdiction=country,
        jurisdiction_level="country",
        livemode=False,
        metadata={},
        percentage=percent,
        rate_type="percentage",
        tax_type="vat",
    )
