"""Lines of invoices, as Hypothesis draws them."""

from datetime import date
from uuid import UUID

from hypothesis import strategies as st

from billing.shares.claims import ShareLine


@st.composite
def _line(draw: st.DrawFn) -> ShareLine:
    accrued = draw(st.integers(0, 10**6))
    base = draw(st.integers(1, 6))
    return ShareLine(
        creator_id=UUID(int=100 + base % 3),
        knowledge_base_id=UUID(int=base),
        meter=draw(st.sampled_from(["passages", "answers", "creator_prices"])),
        month=draw(st.sampled_from([date(2026, 10, 1), date(2026, 11, 1)])),
        units=draw(st.integers(1, 1000)),
        amount=accrued + draw(st.integers(0, 10**6)),
        accrued=accrued,
        own=draw(st.integers(0, 100)),
        concentrated=draw(st.integers(0, accrued)),
    )


share_lines = st.lists(
    _line(),
    max_size=8,
    unique_by=lambda line: (line.creator_id, line.knowledge_base_id, line.meter, line.month),
)
