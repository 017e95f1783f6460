"""Who can be paid by transfers, and what a price earns."""

from decimal import Decimal

import pytest

from billing.money import Money
from billing.payouts.pricing import FeeModel, net_of
from billing.payouts.reach import InvalidCountry, checked, method_of


@pytest.mark.parametrize(
    ("home", "country", "method"),
    [
        ("US", "US", "transfer"),
        ("US", "DE", "transfer"),
        ("US", "CA", "transfer"),
        ("US", "CN", "manual"),
        ("US", "HK", "manual"),
        ("HK", "HK", "transfer"),
        ("HK", "US", "manual"),
        ("JP", "JP", "transfer"),
        ("CN", "CN", "manual"),
        ("ch", "GB", "transfer"),
    ],
)
def test_transfers_stay_at_home_or_among_a_few_countries(home: str, country: str, method: str) -> None:
    assert method_of(country, platform_country=home) == method


def test_a_country_is_two_letters() -> None:
    assert checked(" de ") == "DE"
    for wrong in ("DEU", "D", "1A", "中国"):
        with pytest.raises(InvalidCountry):
            checked(wrong)


def test_a_small_price_earns_what_a_sale_was_seen_to_earn() -> None:
    model = FeeModel(290, Decimal(213))
    net = net_of(Money(990, "cny"), model=model, take_rate_bps=2000)
    assert (net.processor_fee, net.platform, net.earned, net.fees, net.net) == (242, 198, 792, 194, 598)


def test_a_fee_is_never_more_than_the_price() -> None:
    net = net_of(Money(50, "usd"), model=FeeModel(290, Decimal(300)), take_rate_bps=2000)
    assert (net.processor_fee, net.net) == (50, 0)
