"""What one organization may give: never more, and in whatever order its invoices come."""

from itertools import permutations
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.shares.allocating import allocations
from billing.shares.claims import ShareLine
from billing.shares.limits import Accrued, Limits, concentrated, spread
from tests.unit.billing.shares.lines import share_lines

amounts = st.integers(0, 10**9)
limits = st.builds(Limits, untouched=amounts, organization_max_bps=st.integers(0, 10_000))


def left_of(invoices: list[int], elsewhere: int, terms: Limits) -> int:
    """What is left of one organization's month, invoice by invoice."""
    before = left = 0
    everywhere = elsewhere + sum(invoices)
    for now in invoices:
        kept = concentrated(Accrued(before, left, now, everywhere), terms)
        assert 0 <= kept <= now
        before, left = before + now, left + now - kept
    return left


@given(invoices=st.lists(amounts, max_size=4), elsewhere=amounts, terms=limits)
def test_an_organization_gives_what_it_may_and_no_more(
    invoices: list[int], elsewhere: int, terms: Limits
) -> None:
    everywhere = elsewhere + sum(invoices)
    may = max(terms.untouched, everywhere * terms.organization_max_bps // 10_000)
    for order in permutations(invoices):
        assert left_of(list(order), elsewhere, terms) == min(sum(invoices), may)


def test_small_amounts_are_left_alone_and_a_sole_customer_is_not_the_whole_business() -> None:
    terms = Limits(untouched=1_000, organization_max_bps=5_000)
    assert left_of([1_000], 0, terms) == 1_000
    assert left_of([10_000], 0, terms) == 5_000
    assert left_of([10_000], 10_000, terms) == 10_000


@given(over=st.lists(amounts, min_size=1, max_size=7), data=st.data())
def test_what_is_kept_back_is_spread_and_takes_no_line_below_nothing(
    over: list[int], data: st.DataObject
) -> None:
    amount = data.draw(st.integers(0, sum(over)))
    parts = spread(amount, over)
    assert sum(parts) == amount
    assert all(0 <= part <= line for part, line in zip(parts, over, strict=True))


@given(lines=share_lines, data=st.data())
def test_a_payment_is_taken_apart_by_line_and_sums_back_for_each_creator(
    lines: list[ShareLine], data: st.DataObject
) -> None:
    granted: dict[UUID, int] = {}
    for line in lines:
        granted[line.creator_id] = granted.get(line.creator_id, 0) + line.granted
    earned = {who: data.draw(st.integers(0, 10**6)) for who, amount in granted.items() if amount}
    fees = {who: data.draw(st.integers(0, 100)) for who in earned}
    given_back = allocations(lines, earned, fees)
    for who in granted:
        mine = [one for one in given_back if one.line.creator_id == who]
        assert sum(one.amount for one in mine) == earned.get(who, 0)
        assert sum(one.fee for one in mine) == fees.get(who, 0)
    shuffled = allocations(data.draw(st.permutations(lines)), earned, fees)
    assert sorted(map(repr, shuffled)) == sorted(map(repr, given_back))
