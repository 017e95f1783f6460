"""What buyers agree to is short enough to be shown, in two languages, and names what it costs."""

import pytest

from billing.money import CURRENCIES, Money
from service.usecases.checkout_terms import LONGEST, pass_terms, subscription_terms, tip_terms


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_terms_name_the_price_and_fit(currency: str) -> None:
    price = Money(100_000_000, currency)
    texts = [
        subscription_terms(price, "month", trial_days=0),
        subscription_terms(price, "year", trial_days=90),
        pass_terms(price, 3660),
    ]
    for text in texts:
        assert len(text) <= LONGEST
        assert text.count(str(price)) == 2
    assert len(tip_terms()) <= LONGEST


def test_a_trial_is_told_and_none_is_not() -> None:
    price = Money(990, "cny")
    assert "first 7 days" in subscription_terms(price, "month", trial_days=7)
    assert "free" not in subscription_terms(price, "month", trial_days=0)
