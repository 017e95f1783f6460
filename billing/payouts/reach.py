"""Which countries' creators can be paid by transfers, from where the platform is.

Stripe transfers within one country always, and across borders only among the United States, the United
Kingdom, the European Economic Area, Canada and Switzerland. Elsewhere a payout is made by hand.
"""

from typing import Literal

Method = Literal["transfer", "manual"]

_EEA = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
        *("IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
    }
)
ACROSS_BORDERS = _EEA | {"US", "GB", "CA", "CH"}

# Where Stripe opens accounts at all: elsewhere not even a platform's own country can be paid by transfer.
_SERVED = ACROSS_BORDERS | {"AE", "AU", "BR", "GI", "HK", "IN", "JP", "MX", "MY", "NZ", "SG", "TH"}


class InvalidCountry(Exception):
    """Not a country's two letters."""

    pointer = "/country"


def checked(country: str) -> str:
    """The country as ISO 3166-1 writes it. Raises ``InvalidCountry``."""
    code = country.strip().upper()
    if len(code) != 2 or not code.isascii() or not code.isalpha():
        raise InvalidCountry("The country is its two letters, as in ISO 3166-1: DE, JP, US.")
    return code


def method_of(country: str, *, platform_country: str) -> Method:
    """How a creator of ``country`` is paid by a platform in ``platform_country``."""
    home = platform_country.upper()
    if country == home and country in _SERVED:
        return "transfer"
    return "transfer" if {country, home} <= ACROSS_BORDERS else "manual"
