"""The traffic pool: every part is a reader's worth, limits hold, and nothing depends on an order."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from billing.ledger.journal import balanced
from billing.money import CURRENCIES
from billing.shares.dividing import UNIT, PoolLimits, Reading, divide, pool_of
from billing.shares.pools import pool_entries

CREATORS = [UUID(int=n) for n in range(1, 4)]


@st.composite
def months(draw: st.DrawFn) -> list[Reading]:
    """Who read what: each reader some bases, of three creators."""
    readers = draw(st.lists(st.frozensets(st.integers(1, 6), min_size=1), max_size=25))
    bases = sorted({base for read in readers for base in read})
    found = []
    for base in bases:
        creator = CREATORS[base % 3]
        own = [read for read in readers if base in read]
        found.append(
            Reading(
                UUID(int=100 + base),
                creator,
                len(own),
                sum(1 for read in readers if any(CREATORS[b % 3] == creator for b in read)),
                sum(UNIT // len(read) for read in own),
            )
        )
    assert sum(one.credits for one in found) == UNIT * len(readers)
    return found


pools = st.integers(0, 10**9)
terms = st.builds(PoolLimits, creator_max_bps=st.integers(0, 10_000), min_readers=st.integers(0, 20))
excluded = st.frozensets(st.sampled_from(CREATORS))


@given(pool=pools, readings=months(), limits=terms, out=excluded, data=st.data())
def test_a_pool_sums_back_and_its_limits_hold_in_any_order(
    pool: int, readings: list[Reading], limits: PoolLimits, out: frozenset[UUID], data: st.DataObject
) -> None:
    parts = divide(pool, readings, limits=limits, not_eligible=out)
    assert divide(pool, data.draw(st.permutations(readings)), limits=limits, not_eligible=out) == parts
    assert sum(part.amount + part.withheld for part in parts) == (pool if readings else 0)
    readers = {reading.creator_id: reading.creator_readers for reading in readings}
    for creator in CREATORS:
        theirs = [part for part in parts if part.creator_id == creator]
        given_them = sum(part.amount for part in theirs)
        assert given_them <= pool * limits.creator_max_bps // 10_000
        if creator in out or readers.get(creator, 0) < limits.min_readers:
            assert given_them == 0
    for part in parts:
        assert part.amount >= 0
        assert (part.reason is None) == (part.withheld == 0)


@given(pool=pools, readings=months(), limits=terms, out=excluded)
def test_what_one_creator_may_not_have_raises_nobodys_part(
    pool: int, readings: list[Reading], limits: PoolLimits, out: frozenset[UUID]
) -> None:
    free = divide(pool, readings, limits=PoolLimits(10_000, 0))
    bound = divide(pool, readings, limits=limits, not_eligible=out)
    assert all(less.amount <= more.amount for less, more in zip(bound, free, strict=True))


@given(
    pool=pools,
    readings=months(),
    limits=terms,
    currency=st.sampled_from(sorted(CURRENCIES)),
    bps=st.integers(0, 10_000),
)
def test_a_posting_balances_in_every_currency(
    pool: int, readings: list[Reading], limits: PoolLimits, currency: str, bps: int
) -> None:
    assert pool_of(-pool, bps) == 0
    assert 0 <= pool_of(pool, bps) <= pool
    parts = divide(pool, readings, limits=limits)
    balanced(pool_entries(parts, currency))


def test_one_reader_of_three_bases_gives_each_a_third_and_readers_of_one_give_it_all() -> None:
    first, second, third = (
        Reading(UUID(int=n), CREATORS[n - 1], readers, readers, credits)
        for n, readers, credits in ((1, 2, UNIT + UNIT // 3), (2, 1, UNIT // 3), (3, 1, UNIT // 3))
    )
    parts = divide(600, [third, first, second], limits=PoolLimits(10_000, 1))
    assert [part.amount for part in parts] == [400, 100, 100]
