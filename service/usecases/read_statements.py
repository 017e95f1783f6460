"""A creator's statements: a month's opening balance, movements and closing balance, with every line."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.ledger.balances import Line as Line
from billing.payouts import statements
from billing.payouts.statements import MonthOfCurrency as MonthOfCurrency
from billing.payouts.statements import Moved
from service.platform.database import zhihao_now
from service.usecases.context import Context


class StatementNotFound(Exception):
    """Nothing had moved by the end of that month, or the month has not begun."""


@dataclass(frozen=True)
class MonthSummary:
    """``month`` is YYYY-MM in the time zone that was asked for; it ends before ``end``."""

    month: str
    start: datetime
    end: datetime
    balances: list[MonthOfCurrency]


@dataclass(frozen=True)
class Statement:
    """One month, with every line of it, oldest first. What is payable grows by each line's amount."""

    month: str
    start: datetime
    end: datetime
    balances: list[MonthOfCurrency]
    lines: list[Line]


async def list_statements(
    context: Context, *, creator_id: UUID, tz: ZoneInfo, before: date | None, limit: int
) -> list[MonthSummary]:
    """The months from the first movement to now, newest first, from below the month ``before``."""
    async with context.database.transaction() as session:
        first = await statements.first_month(session, creator_id, tz=tz.key)
        if first is None:
            return []
        newest = (await zhihao_now(session)).astimezone(tz).date().replace(day=1)
        if before is not None:
            newest = min(newest, _earlier(before))
        months: list[date] = []
        while newest >= first and len(months) < limit:
            months.append(newest)
            newest = _earlier(newest)
        if not months:
            return []
        since = _start(months[-1], tz)
        moved = await statements.months_of(session, creator_id, since=since, tz=tz.key)
        return [_summary(month, moved, tz) for month in months]


async def read_statement(context: Context, *, creator_id: UUID, month: date, tz: ZoneInfo) -> Statement:
    """Raises ``StatementNotFound``."""
    async with context.database.transaction() as session:
        first = await statements.first_month(session, creator_id, tz=tz.key)
        now = await zhihao_now(session)
        if first is None or month < first or _start(month, tz) > now:
            raise StatementNotFound("There is no statement of this month.")
        moved = await statements.months_of(session, creator_id, since=_start(month, tz), tz=tz.key)
        summary = _summary(month, moved, tz)
        return Statement(
            summary.month,
            summary.start,
            summary.end,
            summary.balances,
            await statements.lines_between(session, creator_id, start=summary.start, end=summary.end),
        )


def _summary(month: date, moved: Moved, tz: ZoneInfo) -> MonthSummary:
    balances = {one.currency: one for one in moved.months.get(month, [])}
    # A currency that rested this month stands at what the next month that moved it opened with, or at now's.
    stands = [
        (one.currency, one.opening)
        for later in sorted(moved.months)
        if later > month
        for one in moved.months[later]
    ]
    for currency, amount in (*stands, *moved.payable.items()):
        balances.setdefault(currency, MonthOfCurrency(currency, amount, 0, 0, 0, 0, amount))
    shown = [balances[currency] for currency in sorted(balances)]
    return MonthSummary(f"{month:%Y-%m}", _start(month, tz), _start(_later(month), tz), shown)


def _start(month: date, tz: ZoneInfo) -> datetime:
    return datetime(month.year, month.month, 1, tzinfo=tz).astimezone(UTC)


def _earlier(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def _later(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)
