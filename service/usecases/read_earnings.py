"""A creator sees what was earned, what it cost, what is payable, and every line and sale behind it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from billing.ledger import balances
from billing.ledger.balances import Balance as Balance
from billing.ledger.balances import Line as Line
from billing.money import Money
from billing.shares import statements
from billing.subscriptions import figures, sales
from billing.subscriptions.figures import SellingFigures
from billing.subscriptions.sales import SaleFact as SaleFact
from billing.tips import giving
from billing.tips.giving import TipFact as TipFact
from service.answering.demand import count_asked
from service.knowledge import knowledge_bases, visits
from service.platform.database import zhihao_now
from service.usecases.context import Context

ANALYTICS_DAYS = 30


@dataclass(frozen=True)
class Earnings:
    """``accruing``: shares of metered calls, which enter ``earned`` when their invoice is paid."""

    balances: list[Balance]
    accruing: list[Money]


@dataclass(frozen=True)
class Analytics:
    """Of a creator's knowledge bases in ``[start, end)``. Churn is in basis points of who had paid."""

    start: datetime
    end: datetime
    visits: int
    trials: int
    conversions: int
    questions: int
    refusals: int
    subscribers: int
    churned: int
    churn_bps: int
    mrr: list[Money]


async def read_earnings(
    context: Context, *, creator_id: UUID, start: datetime | None, end: datetime | None
) -> Earnings:
    """Of what took effect in ``[start, end)``, or of all time. What accrues is as of now."""
    async with context.database.reading() as connection:
        return Earnings(
            balances=await balances.balances_of(connection, creator_id, start=start, end=end),
            accruing=await statements.pending_of(connection, creator_id),
        )


async def list_lines(
    context: Context,
    *,
    creator_id: UUID,
    start: datetime | None,
    end: datetime | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Line]:
    """The ledger's lines behind the balances, newest first."""
    async with context.database.reading() as connection:
        return await balances.lines_of(
            connection, creator_id, start=start, end=end, before=before, limit=limit
        )


async def list_sales(
    context: Context,
    *,
    creator_id: UUID,
    start: datetime | None,
    end: datetime | None,
    before: UUID | None,
    limit: int,
) -> list[SaleFact]:
    """Each payment and how it was split, newest first."""
    async with context.database.reading() as connection:
        return await sales.list_sales(
            connection, creator_id=creator_id, start=start, end=end, before=before, limit=limit
        )


async def list_tips(context: Context, *, creator_id: UUID, before: UUID | None, limit: int) -> list[TipFact]:
    """The tips a creator received, newest first; anonymous ones are from nobody."""
    async with context.database.reading() as connection:
        return await giving.list_received(connection, creator_id=creator_id, before=before, limit=limit)


async def read_analytics(
    context: Context, *, creator_id: UUID, start: datetime | None, end: datetime | None
) -> Analytics:
    """Of the last thirty days, or of the time given."""
    async with context.database.reading() as connection:
        now = await zhihao_now(connection)
        until = end or now
        since = start or until - timedelta(days=ANALYTICS_DAYS)
        owned = await knowledge_bases.list_owned(connection, owner_id=creator_id)
        ids = [base.id for base in owned]
        selling: SellingFigures = await figures.figures_of(connection, ids, start=since, end=until)
        counted = await count_asked(connection, ids, start=since, end=until)
        return Analytics(
            start=since,
            end=until,
            visits=await visits.count(connection, ids, start=since, end=until),
            trials=selling.trials,
            conversions=selling.conversions,
            questions=counted.questions,
            refusals=counted.refusals,
            subscribers=selling.subscribers,
            churned=selling.churned,
            churn_bps=selling.churn_bps,
            mrr=selling.mrr,
        )
