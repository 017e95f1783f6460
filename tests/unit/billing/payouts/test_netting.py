"""What is paid is never more than is owed, and debts are paid first; tried on anything."""

from collections import Counter
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.payouts.netting import Due, Line, Payment, charges, netted

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)

amounts = st.integers(-1_000, 1_000)


@st.composite
def owed(draw: st.DrawFn) -> tuple[int, list[Due]]:
    """What the ledger owes, and the open charges it is of; the rest is of none."""
    dues = [
        Due(UUID(int=number + 1), draw(amounts), draw(st.booleans()))
        for number in range(draw(st.integers(0, 8)))
    ]
    loose = draw(amounts)
    return sum(due.amount for due in dues) + loose, dues


def taken(payments: list[Payment]) -> Counter[UUID | None]:
    sums: Counter[UUID | None] = Counter()
    for payment in payments:
        for line in payment.lines:
            sums[line.sale_id] += line.amount
    return sums


@given(owed())
def test_payments_of_charges_are_never_more_than_is_owed(case: tuple[int, list[Due]]) -> None:
    available, dues = case
    payments = charges(available, dues)
    paid = sum(payment.amount for payment in payments)
    assert all(payment.amount >= 0 for payment in payments)
    assert paid <= max(available, 0)
    # Everything ripe is paid but what debts need.
    ripe = sum(due.amount for due in dues if due.ripe and due.amount > 0)
    debts = -sum(due.amount for due in dues if due.amount < 0)
    loose = available - sum(due.amount for due in dues)
    assert paid == max(ripe - debts - max(-loose, 0), 0)


@given(owed())
def test_no_line_takes_more_than_its_charge_has_or_pays_more_than_it_owes(
    case: tuple[int, list[Due]],
) -> None:
    available, dues = case
    sums = taken(charges(available, dues))
    for due in dues:
        line = sums.get(due.sale_id, 0)
        if due.amount > 0:
            assert 0 <= line <= (due.amount if due.ripe else 0)
        else:
            assert due.amount <= line <= 0


@given(owed())
def test_a_payment_once_made_leaves_nothing_to_be_made_again(case: tuple[int, list[Due]]) -> None:
    available, dues = case
    payments = charges(available, dues)
    sums = taken(payments)
    left = [Due(due.sale_id, due.amount - sums.get(due.sale_id, 0), due.ripe) for due in dues]
    assert charges(available - sum(one.amount for one in payments), left) == []


@given(owed(), st.integers(0, 500), st.integers(0, 500), st.booleans())
def test_a_month_is_never_more_than_is_owed(
    case: tuple[int, list[Due]], unripe: int, least: int, whole: bool
) -> None:
    available, dues = case
    payment = netted(available, dues, unripe=unripe, least=least, with_charges=whole)
    if payment is None:
        return
    assert max(least, 1) <= payment.amount <= available
    held = sum(due.amount for due in dues if due.amount > 0 and not (due.ripe and whole))
    assert payment.amount <= available - held
    sums = taken([payment])
    assert sum(sums.values()) == payment.amount
    for due in dues:
        assert min(due.amount, 0) <= sums.get(due.sale_id, 0) <= max(due.amount if due.ripe else 0, 0)


def test_a_debt_is_paid_by_the_next_charges_and_only_once() -> None:
    payments = charges(300, [Due(A, -500, True), Due(B, 300, True), Due(C, 500, True)])
    assert payments == [
        Payment(B, (Line(B, 300), Line(A, -300))),
        Payment(C, (Line(C, 500), Line(A, -200))),
    ]
    assert [payment.amount for payment in payments] == [0, 300]


def test_a_debt_of_no_charge_holds_back_as_much() -> None:
    assert charges(700, [Due(A, 800, True)]) == [Payment(A, (Line(A, 700),))]
    assert charges(0, [Due(A, 800, True)]) == []


def test_what_is_earned_too_lately_or_is_too_little_waits_for_another_month() -> None:
    assert netted(1_000, [], unripe=400, least=500) == Payment(None, (Line(None, 600),))
    assert netted(1_000, [], unripe=400, least=601) is None
    assert netted(1_000, [Due(A, 900, True)], unripe=0, least=1) == Payment(None, (Line(None, 100),))


def test_by_hand_all_is_paid_at_once() -> None:
    dues = [Due(A, -100, True), Due(B, 900, True), Due(C, 50, False)]
    payment = netted(1_000, dues, unripe=0, least=1, with_charges=True)
    assert payment is not None
    assert payment.amount == 950
    assert set(payment.lines) == {Line(None, 150), Line(B, 900), Line(A, -100)}
