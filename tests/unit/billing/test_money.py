"""Money divides without a cent lost, in every currency."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import CURRENCIES, MAX_AMOUNT, THREE_DECIMAL, ZERO_DECIMAL, Money, allocate, decimals

AMOUNTS = st.integers(-(10**15), 10**15)
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any)


@given(AMOUNTS, WEIGHTS)
def test_shares_sum_back(amount: int, weights: list[int]) -> None:
    assert sum(allocate(amount, weights)) == amount


@given(AMOUNTS, WEIGHTS)
def test_each_share_is_within_one_of_its_exact_part(amount: int, weights: list[int]) -> None:
    total = sum(weights)
    for share, weight in zip(allocate(amount, weights), weights, strict=True):
        assert abs(share * total - amount * weight) < total


@given(AMOUNTS, WEIGHTS)
def test_a_refund_divides_as_the_payment_did(amount: int, weights: list[int]) -> None:
    assert allocate(-amount, weights) == [-share for share in allocate(amount, weights)]


@given(AMOUNTS, WEIGHTS)
def test_a_weight_of_zero_gets_nothing(amount: int, weights: list[int]) -> None:
    assert all(
        share == 0 for share, weight in zip(allocate(amount, weights), weights, strict=True) if not weight
    )


@given(st.integers(0, 10**12), WEIGHTS)
def test_more_weight_never_gets_less(amount: int, weights: list[int]) -> None:
    shares = allocate(amount, weights)
    pairs = sorted(zip(weights, shares, strict=True))
    assert all(a[1] <= b[1] for a, b in pairwise(pairs) if a[0] < b[0])


def test_one_fen_among_seven_goes_to_the_first() -> None:
    assert allocate(1, [1] * 7) == [1, 0, 0, 0, 0, 0, 0]


def test_the_largest_remainder_wins() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(990, [8000, 2000]) == [792, 198]
    assert allocate(10, [15, 85]) == [2, 8]  # 1.5 and 8.5: equal remainders, the earlier wins


@pytest.mark.parametrize("weights", [[], [-1, 2], [0, 0]])
def test_impossible_weights_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError):
        allocate(1, weights)


def test_nothing_divides_into_nothing() -> None:
    assert allocate(0, [0, 0]) == [0, 0]


@given(AMOUNTS, AMOUNTS, st.sampled_from(sorted(CURRENCIES)))
def test_money_adds_within_a_currency(a: int, b: int, currency: str) -> None:
    assert Money(a, currency) + Money(b, currency) == Money(a + b, currency)
    assert Money(a, currency) - Money(b, currency) == Money(a, currency) + -Money(b, currency)


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError):
        Money(1, "cny") + Money(1, "usd")


def test_money_reads_as_people_write_it() -> None:
    assert [str(Money(990, code)) for code in ("cny", "jpy", "kwd")] == ["9.90 CNY", "990 JPY", "0.990 KWD"]
    assert str(Money(-5, "usd")) == "-0.05 USD"


def test_every_currency_has_its_decimals() -> None:
    assert {decimals(code) for code in ZERO_DECIMAL} == {0}
    assert {decimals(code) for code in THREE_DECIMAL} == {3}
    assert {decimals(code) for code in CURRENCIES - ZERO_DECIMAL - THREE_DECIMAL} == {2}


@pytest.mark.parametrize(
    "body",
    [
        b'{"amount":1,"currency":"CNY"}',
        b'{"amount":1,"currency":"zzz"}',
        b'{"amount":1.0,"currency":"cny"}',
        b'{"amount":true,"currency":"cny"}',
        b'{"amount":1,"currency":"cny","credits":5}',
    ],
)
def test_anything_but_an_amount_and_a_known_currency_is_refused_at_the_edge(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Money)


def test_amounts_stay_within_the_databases_range() -> None:
    assert Money(MAX_AMOUNT, "cny").amount == MAX_AMOUNT
    with pytest.raises(ValueError):
        Money(MAX_AMOUNT + 1, "cny")
    with pytest.raises(ValueError):
        Money(True, "cny")


def test_money_travels_as_amount_and_currency() -> None:
    assert msgspec.json.encode(Money(990, "cny")) == b'{"amount":990,"currency":"cny"}'
