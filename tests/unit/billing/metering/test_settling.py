"""What a call comes to: bills that sum back, and counters that end where the events say."""

from datetime import UTC, date, datetime
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.metering.bills import Rates, bill
from billing.metering.counters import Counter
from billing.metering.reservations import Reservation, ReservationExpired
from billing.metering.settling import Ending, Settled, settle

KEY, ORGANIZATION = UUID(int=1), UUID(int=2)
BASES = [UUID(int=n) for n in range(10, 15)]
BUSY = settings(suppress_health_check=[HealthCheck.too_slow])
MONTH = date(2026, 11, 1)


@st.composite
def reservations(draw: st.DrawFn, number: int = 0) -> Reservation:
    bases = draw(st.lists(st.sampled_from(BASES), min_size=1, unique=True))
    prices = [draw(st.integers(0, 30)) for _ in bases]
    price = draw(st.integers(0, 50))
    return Reservation(
        id=UUID(int=100 + number),
        state="held",
        meter="answers",
        month=MONTH,
        created_at=datetime(2026, 11, 21, 12, 34, 56, tzinfo=UTC),
        account_id=None,
        organization_id=ORGANIZATION,
        key_id=KEY,
        currency="cny",
        unit_price=price,
        knowledge_base_ids=bases,
        creator_ids=[UUID(int=base.int + 1000) for base in bases],
        api_prices=prices,
        hold_subjects=[KEY, ORGANIZATION],
        hold_amounts=[price + sum(prices)] * 2,
        units=None,
        amount=None,
    )


weights = st.dictionaries(st.sampled_from(BASES), st.integers(0, 9), max_size=5)
rates = st.builds(Rates, share_bps=st.integers(0, 10_000), take_rate_bps=st.integers(0, 10_000))


@settings(BUSY, max_examples=120)
@given(held=reservations(), drawn=weights, terms=rates)
def test_shares_sum_back_to_the_bill_and_the_bill_stays_within_the_reservation(
    held: Reservation, drawn: dict[UUID, int], terms: Rates
) -> None:
    cost = bill(held, drawn, terms)
    assert sum(share.amount for share in cost.shares) == cost.amount <= held.hold_amounts[0]
    assert sum(share.units for share in cost.shares) == 1
    assert cost.on_top == cost.amount - held.unit_price
    assert all(share.accrued >= 0 for share in cost.shares)
    assert sum(share.accrued for share in cost.shares) <= cost.amount
    drew = {base for base, weight in drawn.items() if weight and base in held.knowledge_base_ids}
    if drew:
        assert {share.knowledge_base_id for share in cost.shares} == drew
    else:
        assert [share.accrued for share in cost.shares] == [0]


@settings(BUSY, max_examples=60)
@given(data=st.data(), terms=rates)
def test_a_group_of_endings_leaves_counters_events_and_buckets_in_agreement(
    data: st.DataObject, terms: Rates
) -> None:
    held = [data.draw(reservations(number)) for number in range(data.draw(st.integers(1, 6)))]
    total = sum(one.hold_amounts[0] for one in held)
    counters = {(MONTH, KEY): Counter(0, total), (MONTH, ORGANIZATION): Counter(0, total)}
    endings = [Ending(one.id, data.draw(st.integers(0, 1)), data.draw(weights)) for one in held]
    endings += data.draw(st.lists(st.sampled_from(endings), max_size=4))
    results, changes = settle(endings, {one.id: one for one in held}, counters, terms)
    billed = sum(one.bill.amount for one in changes.bills)
    for counter in counters.values():
        assert (counter.spent, counter.reserved) == (billed, 0)
    for spent, reserved in ((delta.spent, delta.reserved) for delta in changes.deltas.values()):
        assert (spent, reserved) == (billed, -total)
    units = sum(b.added for (_, meter, _), b in changes.buckets.items() if meter == "answers")
    on_top = sum(b.added for (_, meter, _), b in changes.buckets.items() if meter == "creator_prices")
    assert units == len(changes.bills)
    assert on_top == sum(one.bill.on_top for one in changes.bills)
    told = dict(zip([ending.call_id for ending in endings], results, strict=True))
    assert sum(r.amount for r in told.values() if isinstance(r, Settled)) == billed
    assert len(changes.ended) == len(held)


def test_what_expired_is_never_billed_and_an_unknown_call_neither() -> None:
    one = Reservation(
        UUID(int=7), "expired", "answers", MONTH, datetime.now(UTC), None, ORGANIZATION, KEY, "cny", 20,
        [BASES[0]], [BASES[1]], [0], [KEY, ORGANIZATION], [20, 20], None, None,
    )  # fmt: skip
    terms = Rates(5000, 2000)
    counters = {(MONTH, KEY): Counter(), (MONTH, ORGANIZATION): Counter()}
    endings = [Ending(one.id, 1), Ending(UUID(int=8), 1), Ending(one.id, 0)]
    results, changes = settle(endings, {one.id: one}, counters, terms)
    assert isinstance(results[0], ReservationExpired)
    assert isinstance(results[1], ReservationExpired)
    assert results[2] == Settled(0, 0, 0, None)
    assert not changes.ended
    assert not changes.bills
