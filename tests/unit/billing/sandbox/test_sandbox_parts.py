"""The sandbox's pure parts: forms, parameters, periods, prices, fees."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.sandbox import forms
from billing.sandbox.cards import CARDS, TOKENS
from billing.sandbox.errors import ApiError
from billing.sandbox.fees import processing_fee
from billing.sandbox.parameters import decode, params_type
from billing.sandbox.periods import boundary_after, shift
from billing.sandbox.pricing import portions
from billing.sandbox.shape import changes, merge, public

PRICE = params_type("_price_create_params:PriceCreateParams")


def moment(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp())  # type: ignore[arg-type,misc]  # year, month, day …


def test_brackets_become_trees() -> None:
    tree = forms.parse("a[b][0][c]=1&a[b][1][c]=2&m[k]=%E7%9F%A5&x[]=p&x[]=q&e=")
    assert tree == {
        "a": {"b": {"0": {"c": "1"}, "1": {"c": "2"}}},
        "m": {"k": "知"},
        "x": {"0": "p", "1": "q"},
        "e": "",
    }


@pytest.mark.parametrize("encoded", ["a[b=1", "[a]=1", "a=1&a[b]=2", "a[b]=1&a=2", "a" + "[a]" * 20 + "=1"])
def test_a_name_that_cannot_be_is_refused(encoded: str) -> None:
    with pytest.raises(ApiError):
        decode(PRICE, forms.parse(encoded))


def test_parameters_are_read_as_the_sdk_types_them() -> None:
    raw = forms.parse(
        "currency=cny&unit_amount_decimal=12.5&recurring[interval]=month&recurring[interval_count]=2&active=true"
        "&metadata[0]=x&tiers[0][up_to]=10&tiers[1][up_to]=inf"
    )
    assert decode(PRICE, raw) == {
        "currency": "cny",
        "unit_amount_decimal": "12.5",
        "recurring": {"interval": "month", "interval_count": 2},
        "active": True,
        "metadata": {"0": "x"},
        "tiers": [{"up_to": 10}, {"up_to": "inf"}],
    }


@pytest.mark.parametrize(
    ("encoded", "param"),
    [
        ("", "currency"),
        ("currency=cny&recurring[interval]=fortnight", "recurring[interval]"),
        ("currency=cny&unit_amount=9.9", "unit_amount"),
        ("currency=cny&unit_amount_decimal=NaN", "unit_amount_decimal"),
        ("currency=cny&active=1", "active"),
        ("currency=cny&tiers=x", "tiers"),
        ("currency=cny&tiers[0][upto]=1", "tiers[0][upto]"),
    ],
)
def test_what_is_wrong_is_named(encoded: str, param: str) -> None:
    with pytest.raises(ApiError) as refused:
        decode(PRICE, forms.parse(encoded))
    assert refused.value.body["param"] == param


def test_the_last_day_of_a_month_stays_the_last() -> None:
    anchor = moment(2026, 1, 31)
    ends = [shift(anchor, "month", count) for count in range(1, 4)]
    assert ends == [moment(2026, 2, 28), moment(2026, 3, 31), moment(2026, 4, 30)]
    assert boundary_after(anchor, "month", 1, moment(2026, 2, 28)) == moment(2026, 3, 31)
    assert shift(moment(2028, 2, 29), "year", 1) == moment(2029, 2, 28)


@given(
    anchor=st.integers(0, 4_000_000_000),
    at=st.integers(0, 4_000_000_000),
    interval=st.sampled_from(["day", "week", "month", "year"]),
    count=st.integers(1, 12),
)
def test_a_period_ends_after_the_moment_and_not_a_period_later(
    anchor: int, at: int, interval: str, count: int
) -> None:
    end = boundary_after(anchor, interval, count, at)
    assert at < end <= shift(at, interval, count) + 3 * 86_400


def test_graduated_tiers_are_filled_one_after_another() -> None:
    def tier(up_to: int | None, unit: str) -> dict[str, Any]:
        return {"up_to": up_to, "unit_amount_decimal": unit, "flat_amount_decimal": None}

    price = {
        "transform_quantity": None,
        "tiers_mode": "graduated",
        "_tiers": [tier(10, "0"), tier(20, "2.5"), tier(None, "1")],
    }
    for used, expected in (
        (0, [(0, 0)]),
        (10, [(10, 0)]),
        (15, [(10, 0), (5, 13)]),
        (25, [(10, 0), (10, 25), (5, 5)]),
    ):
        found = portions(price, Decimal(used))
        assert [(int(one.quantity), one.amount) for one in found] == expected


@pytest.mark.parametrize(
    ("amount", "currency", "fee"),
    [(990, "cny", 242), (1000, "usd", 59), (1000, "jpy", 74), (100, "cny", 100)],
)
def test_fees_are_a_share_and_thirty_cents_worth(amount: int, currency: str, fee: int) -> None:
    assert processing_fee(amount, currency) == fee


def test_every_token_stands_for_a_card() -> None:
    assert set(TOKENS.values()) <= set(CARDS)


def test_private_state_is_never_shown() -> None:
    assert public({"a": [{"_b": 1, "c": 2}], "_d": 3}) == {"a": [{"c": 2}]}
    assert changes({"a": 1, "_b": 1}, {"a": 1, "_b": 2}) == {}


def test_metadata_is_merged_and_unset_by_an_empty_text() -> None:
    body: dict[str, Any] = {"metadata": {"a": "1", "b": "2"}, "name": "x"}
    merge(body, {"metadata": {"a": "", "c": "3"}, "name": ""}, "name")
    assert body == {"metadata": {"b": "2", "c": "3"}, "name": None}
