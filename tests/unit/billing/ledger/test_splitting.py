"""Every split sums back, and refunds undo exactly what the sale did."""

from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.ledger.accounts import Account
from billing.ledger.balances import balance
from billing.ledger.journal import Entry, Unbalanced, balanced
from billing.ledger.splitting import (
    Split,
    refund_entries,
    refund_shares,
    sale_entries,
    settled_tax,
    split_metered,
    split_sale,
)

CREATOR = UUID(int=7)
PAID = st.integers(1, 10**12)


@st.composite
def sales(draw: st.DrawFn) -> Split:
    paid = draw(PAID)
    tax = draw(st.integers(0, paid))
    fee = draw(st.integers(0, paid))
    return split_sale(paid, tax=tax, fee=fee, creator_id=CREATOR, take_rate_bps=draw(st.integers(0, 10_000)))


def test_the_story_of_a_990_fen_subscription() -> None:
    split = split_sale(990, tax=0, fee=59, creator_id=CREATOR, take_rate_bps=2000)
    assert (split.creators[CREATOR], split.platform) == (792, 198)
    assert (split.creator_fees[CREATOR], split.platform_fee) == (47, 12)


@given(sales())
def test_a_sale_posts_a_balanced_transaction(split: Split) -> None:
    moved = balanced(sale_entries(split, "cny"))
    assert sum(moved.values()) == 0
    assert moved.get(Account("stripe_balance", "cny"), 0) == split.paid - split.fee


@given(sales(), st.lists(PAID, min_size=1, max_size=6))
def test_partial_refunds_of_everything_take_back_every_share(split: Split, cuts: list[int]) -> None:
    marks = sorted({cut % (split.paid + 1) for cut in cuts} | {0, split.paid})
    back: dict[Account, int] = {}
    for before, after in pairwise(marks):
        for account, amount in balanced(
            refund_entries(split, "cny", before=before, amount=after - before, fee=0)
        ).items():
            back[account] = back.get(account, 0) + amount
    assert back.get(Account("creator_refunded", "cny", CREATOR), 0) == split.creators[CREATOR]
    assert back.get(Account("platform_revenue", "cny"), 0) == split.platform
    assert back.get(Account("tax_payable", "cny"), 0) == split.tax
    assert back[Account("stripe_balance", "cny")] == -split.paid


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=8).filter(any), st.data())
def test_a_refund_takes_exactly_its_amount(shares: list[int], data: st.DataObject) -> None:
    before = data.draw(st.integers(0, sum(shares)))
    after = data.draw(st.integers(before, sum(shares)))
    assert sum(refund_shares(shares, before=before, after=after)) == after - before


@given(PAID, st.integers(0, 10**6), st.lists(st.integers(0, 10**9), max_size=7))
def test_a_metered_invoice_sums_back_over_its_creators(settled: int, more: int, accruals: list[int]) -> None:
    accrued = {uuid4(): amount for amount in accruals}
    split = split_metered(settled, tax=0, fee=min(settled, 30), billed=sum(accruals) + more, accrued=accrued)
    assert split.paid == settled
    assert split.fee == min(settled, 30)


def test_a_metered_invoice_paid_in_full_gives_each_creator_what_accrued() -> None:
    accrued = {uuid4(): 10, uuid4(): 1}
    assert split_metered(400, tax=0, fee=0, billed=400, accrued=accrued).creators == accrued


def test_an_invoice_without_usage_is_the_platforms() -> None:
    assert split_metered(100, tax=0, fee=3, billed=0, accrued={}).platform == 100


@pytest.mark.parametrize(
    ("settled", "paid", "tax", "expected"), [(700, 1000, 100, 70), (1000, 1000, 60, 60), (0, 0, 0, 0)]
)
def test_tax_follows_the_exchange_rate(settled: int, paid: int, tax: int, expected: int) -> None:
    assert settled_tax(settled, paid, tax) == expected


def test_an_unbalanced_posting_is_refused() -> None:
    with pytest.raises(Unbalanced):
        balanced([Entry(Account("stripe_balance", "cny"), 1)])


def test_currencies_balance_one_by_one() -> None:
    with pytest.raises(Unbalanced):
        balanced([Entry(Account("stripe_balance", "cny"), 1), Entry(Account("platform_revenue", "usd"), -1)])


def test_payable_is_what_is_left_and_may_be_a_debt() -> None:
    sums = {"creator_earned": -792, "creator_fees": 47, "creator_refunded": 792, "creator_paid": 100}
    assert balance("cny", sums).payable == 792 - 47 - 792 - 100
