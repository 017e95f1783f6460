"""What was taken of a sale, and from whom, depends on how much was taken alone, not on how it came about."""

from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.ledger.accounts import Account
from billing.ledger.journal import balanced
from billing.ledger.splitting import Split, refund_entries, sale_entries, split_of
from billing.money import allocate
from billing.refunds.taking import position

AMOUNT = st.integers(0, 10**10)
CREATORS = [UUID(int=number) for number in range(1, 6)]


@st.composite
def splits(draw: st.DrawFn) -> Split:
    """A sale of one creator's, or a metered invoice of several."""
    count = draw(st.integers(1, len(CREATORS)))
    shares = {who: draw(AMOUNT) for who in CREATORS[:count]}
    fees = {who: draw(st.integers(0, 10**6)) for who in CREATORS[:count]}
    return Split(shares, draw(AMOUNT), draw(AMOUNT), fees, draw(st.integers(0, 10**6)))


@given(splits())
def test_a_split_is_read_back_from_its_posting(split: Split) -> None:
    posted = balanced(sale_entries(split, "cny"))
    read = split_of([*(entry for entry in sale_entries(split, "cny") if entry.amount)])
    assert (read.paid, read.fee, read.platform, read.tax) == (
        split.paid,
        split.fee,
        split.platform,
        split.tax,
    )
    assert read.creators == {who: share for who, share in split.creators.items() if share}
    assert balanced(sale_entries(read, "cny")) == posted


@given(splits(), st.integers(1, 10**9), st.lists(st.floats(0, 1.5), max_size=8))
def test_refunds_failures_withdrawals_and_wins_in_any_order_leave_what_was_taken_in_all(
    split: Split, paid: int, marks: list[float]
) -> None:
    # How much is taken after each step, up and down, in the buyer's currency; the bank may take too much.
    taken = [0, *(int(paid * mark) for mark in marks)]
    books: dict[Account, int] = {}
    moved = 0
    for before, after in pairwise(taken):
        settled = (after - before) * split.paid // paid
        entries = refund_entries(
            split,
            "cny",
            before=position(split.paid, paid, before),
            amount=position(split.paid, paid, after) - position(split.paid, paid, before),
            fee=1,
            moved=settled,
        )
        moved += settled + 1
        for account, amount in balanced(entries).items():
            books[account] = books.get(account, 0) + amount
    gone = position(split.paid, paid, taken[-1])
    creators = sorted(split.creators)
    shares = [*(split.creators[who] for who in creators), split.platform, split.tax]
    due = allocate(gone, shares) if gone else [0] * len(shares)
    for who, share in zip(creators, due, strict=False):
        assert books.get(Account("creator_refunded", "cny", who), 0) == share
    assert books.get(Account("tax_payable", "cny"), 0) == due[-1]
    assert books.get(Account("stripe_balance", "cny"), 0) == -moved
    assert sum(books.values()) == 0
    if taken[-1] >= paid:
        assert due[:-2] == [split.creators[who] for who in creators]


@given(AMOUNT, st.integers(1, 10**9), st.integers(-5, 2 * 10**9))
def test_never_more_than_the_sale_is_gone(settled: int, paid: int, taken: int) -> None:
    assert 0 <= position(settled, paid, taken) <= settled
    assert position(settled, paid, paid) == settled
    assert position(paid, paid, min(max(taken, 0), paid)) == min(max(taken, 0), paid)
