"""What one organization may give: never more, and in whatever order its invoices come."""

from itertools import permutations
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.shares.allocating import allocations, split_payment
from billing.shares.claims import SharedInvoice, ShareLine
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


@st.composite
def invoices(draw: st.DrawFn, number: int, carried: int = 0) -> SharedInvoice:
    lines = tuple(draw(share_lines))
    billed = sum(line.amount for line in lines)
    total = billed + draw(st.sampled_from([0, 0, 100]))
    return SharedInvoice(UUID(int=number), "open", billed, total, total, carried, lines)


@given(data=st.data(), small=st.lists(st.integers(1, 3), max_size=2), fee=st.integers(0, 500))
def test_a_payment_in_full_gives_exactly_what_was_granted_of_all_it_was_for(
    data: st.DataObject, small: list[int], fee: int
) -> None:
    carried = [data.draw(invoices(10 + number)) for number in range(len(small))]
    invoice = data.draw(invoices(1, carried=sum(one.total for one in carried)))
    due = invoice.total + invoice.carried
    split, parts = split_payment(due, tax=0, fee=fee, invoice=invoice, carried=carried)
    assert (split.paid, split.fee) == (due, fee)
    granted: dict[UUID, int] = {}
    for one in (invoice, *carried):
        for who, share in one.granted.items():
            granted[who] = granted.get(who, 0) + share
    if due:
        assert {who: share for who, share in split.creators.items() if share} == {
            who: share for who, share in granted.items() if share
        }
    assert sum(sum(part.creators.values()) for _, part in parts) == sum(split.creators.values())


@given(
    data=st.data(),
    settled=st.integers(0, 10**7),
    tax=st.integers(0, 1000),
    unknown=st.integers(0, 1000),
)
def test_any_payment_sums_back_and_gives_nobody_more_than_their_part(
    data: st.DataObject, settled: int, tax: int, unknown: int
) -> None:
    carried = [data.draw(invoices(2))]
    invoice = data.draw(invoices(1, carried=carried[0].total + unknown))
    tax = min(tax, settled)
    split, _ = split_payment(settled, tax=tax, fee=settled // 30, invoice=invoice, carried=carried)
    assert (split.paid, split.tax, split.fee) == (settled, tax, settled // 30)
    due = invoice.total + invoice.carried
    if settled - tax <= due:
        for who, share in split.creators.items():
            assert share <= sum(one.granted.get(who, 0) for one in (invoice, *carried)) + 2
