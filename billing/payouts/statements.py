"""Statements: what a creator's month began with, what moved, what it ended with, by currency.

What was payable at some moment is what is payable now less what moved since, so a statement reads the ledger
from its own month on and not from the beginning.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.ledger.balances import Line, balance, lines_of

Reader = AsyncSession | AsyncConnection

LINES_AT_ONCE = 1000


@dataclass(frozen=True)
class MonthOfCurrency:
    """Minor units. ``closing`` = ``opening`` + ``earned`` − ``fees`` − ``refunded`` − ``paid``."""

    currency: str
    opening: int
    earned: int
    fees: int
    refunded: int
    paid: int
    closing: int


async def first_month(session: Reader, creator_id: UUID, *, tz: str) -> date | None:
    """The month of the creator's first movement."""
    found: date | None = (await session.execute(_FIRST, {"creator_id": creator_id, "tz": tz})).scalar_one()
    return found


@dataclass(frozen=True)
class Moved:
    """``months`` with movements, by their first day; ``payable`` is what each currency stands at now."""

    months: dict[date, list[MonthOfCurrency]]
    payable: dict[str, int]


async def months_of(session: Reader, creator_id: UUID, *, since: datetime, tz: str) -> Moved:
    """Every month with movements that begins at or after ``since``, in ``tz``."""
    rows = (await session.execute(_MOVED, {"creator_id": creator_id, "since": since, "tz": tz})).all()
    payable: dict[str, int] = {}
    moved: defaultdict[str, dict[date, dict[str, int]]] = defaultdict(dict)
    for row in rows:
        if row.month is None:
            payable[row.currency] = int(row.amount)
        else:
            moved[row.currency].setdefault(row.month, {})[row.kind] = int(row.amount)
    months: defaultdict[date, list[MonthOfCurrency]] = defaultdict(list)
    for currency in sorted(moved):
        closing = payable[currency]
        for month in sorted(moved[currency], reverse=True):
            sums = balance(currency, moved[currency][month])
            opening = closing - sums.payable
            months[month].append(
                MonthOfCurrency(currency, opening, sums.earned, sums.fees, sums.refunded, sums.paid, closing)
            )
            closing = opening
    return Moved(dict(months), payable)


async def lines_between(session: Reader, creator_id: UUID, *, start: datetime, end: datetime) -> list[Line]:
    """Every line of ``[start, end)``, oldest first."""
    found: list[Line] = []
    before = None
    while True:
        page = await lines_of(session, creator_id, start=start, end=end, before=before, limit=LINES_AT_ONCE)
        found += page
        if len(page) < LINES_AT_ONCE:
            return found[::-1]
        before = (page[-1].at, page[-1].id)


_OWN = "kind IN ('creator_earned', 'creator_fees', 'creator_refunded', 'creator_paid')"

_FIRST = sa.text(
    f"""
    SELECT date_trunc('month', min(first) AT TIME ZONE CAST(:tz AS text))::date FROM (
      SELECT (SELECT min(effective_at) FROM ledger_entry WHERE account_id = held.id) AS first
      FROM ledger_account AS held WHERE owner_id = :creator_id AND {_OWN}
    ) AS firsts
    """  # noqa: S608 -- of constants
)

_MOVED = sa.text(
    f"""
    WITH held AS (
      SELECT id, kind, currency, balance FROM ledger_account WHERE owner_id = :creator_id AND {_OWN}
    )
    SELECT CAST(NULL AS date) AS month, currency, '' AS kind, -sum(balance) AS amount
    FROM held GROUP BY currency
    UNION ALL
    SELECT date_trunc('month', effective_at AT TIME ZONE CAST(:tz AS text))::date, held.currency, kind,
      sum(amount)
    FROM held JOIN ledger_entry ON account_id = held.id AND effective_at >= :since
    GROUP BY 1, 2, 3
    """  # noqa: S608 -- of constants
)
