"""In every currency Stripe has, at every amount that may be charged, a sale splits and comes back whole."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.ledger.journal import balanced
from billing.ledger.splitting import refund_entries, sale_entries, settled_tax, split_sale
from billing.money import CURRENCIES, THREE_DECIMAL, ZERO_DECIMAL, Money, decimals
from billing.plans.pricing import LEAST, check_amount

CREATOR = UUID(int=7)
OURS = Money(500, "cny")
MOST = 100_000_000


def test_zero_and_three_decimal_currencies_are_for_sale_as_well() -> None:
    assert {"jpy", "krw", "vnd", "clp"} <= LEAST.keys() & ZERO_DECIMAL
    assert LEAST.keys() >= THREE_DECIMAL


@pytest.mark.parametrize("currency", sorted(LEAST))
@settings(max_examples=15)
@given(data=st.data())
def test_whatever_may_be_charged_is_within_stripes_rules(currency: str, data: st.DataObject) -> None:
    step = 10 if currency in THREE_DECIMAL else 1
    floor = max(LEAST[currency], OURS.amount if currency == OURS.currency else 0)
    amount = data.draw(st.integers(-(-floor // step), MOST // step)) * step
    check_amount(Money(amount, currency), least=OURS, most=MOST)
    assert str(Money(amount, currency)).count(".") == (1 if decimals(currency) else 0)


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
@settings(max_examples=10)
@given(data=st.data())
def test_a_split_in_any_currency_sums_back_and_a_refund_undoes_it(currency: str, data: st.DataObject) -> None:
    paid = data.draw(st.integers(1, MOST))
    tax = data.draw(st.integers(0, paid // 2))
    settled = data.draw(st.integers(1, MOST))
    fee = data.draw(st.integers(0, settled))
    tax_settled = settled_tax(settled, paid, tax)
    take = data.draw(st.integers(0, 10_000))
    split = split_sale(settled, tax=tax_settled, fee=fee, creator_id=CREATOR, take_rate_bps=take)
    assert split.paid == settled
    assert split.fee == fee
    assert min(split.creators[CREATOR], split.platform, split.tax, split.platform_fee) >= 0
    sold = balanced(sale_entries(split, currency))
    given_back = balanced(refund_entries(split, currency, before=0, amount=settled, fee=0))
    assert sum(sold.values()) == sum(given_back.values()) == 0
