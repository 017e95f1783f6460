"""What may be charged, in every currency that may be charged in."""

import pytest

from billing.money import CURRENCIES, Money, decimals
from billing.plans.catalog import InvalidPlan, check_terms
from billing.plans.pricing import LEAST, InvalidAmount, check_amount

OURS = Money(500, "cny")
MOST = 100_000_000


@pytest.mark.parametrize("currency", sorted(LEAST))
def test_the_least_amount_passes_and_one_less_does_not(currency: str) -> None:
    floor = max(LEAST[currency], OURS.amount) if currency == OURS.currency else LEAST[currency]
    step = 10 if decimals(currency) == 3 else 1
    check_amount(Money(floor, currency), least=OURS, most=MOST)
    with pytest.raises(InvalidAmount):
        check_amount(Money(floor - step, currency), least=OURS, most=MOST)
    with pytest.raises(InvalidAmount):
        check_amount(Money(MOST + 10, currency), least=OURS, most=MOST)


@pytest.mark.parametrize("currency", sorted(CURRENCIES - set(LEAST))[:5])
def test_other_currencies_are_not_for_sale(currency: str) -> None:
    with pytest.raises(InvalidAmount):
        check_amount(Money(100_000, currency), least=OURS, most=MOST)


def test_every_currency_for_sale_is_one_of_stripes() -> None:
    assert set(LEAST) <= CURRENCIES


def test_cards_carry_two_of_three_decimals() -> None:
    check_amount(Money(1990, "kwd"), least=OURS, most=MOST)
    with pytest.raises(InvalidAmount):
        check_amount(Money(1995, "kwd"), least=OURS, most=MOST)


@pytest.mark.parametrize(
    ("interval", "days", "trial", "pointer"),
    [
        ("once", None, 0, "/days"),
        ("once", 0, 0, "/days"),
        ("once", 4000, 0, "/days"),
        ("once", 30, 7, "/trial_days"),
        ("month", 30, 0, "/days"),
        ("month", None, -1, "/trial_days"),
        ("year", None, 91, "/trial_days"),
    ],
)
def test_terms_that_make_no_sense_are_refused(
    interval: str, days: int | None, trial: int, pointer: str
) -> None:
    with pytest.raises(InvalidPlan) as refused:
        check_terms(interval, days=days, trial_days=trial, most_days=3660, most_trial=90)  # type: ignore[arg-type]  # the door has checked it
    assert refused.value.pointer == pointer


def test_terms_that_do_pass() -> None:
    check_terms("once", days=30, trial_days=0, most_days=3660, most_trial=90)
    check_terms("month", days=None, trial_days=14, most_days=3660, most_trial=90)
