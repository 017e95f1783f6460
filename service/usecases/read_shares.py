"""A creator sees what calls and readers brought, month by month, and what the limits kept back and why."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypedDict
from uuid import UUID

from billing.money import Money
from billing.shares import statements
from billing.shares.statements import AllocatedSum, PoolStatement, ShareSum
from service.usecases.context import Context

ShareReason = Literal["own_organization", "one_organization"]


@dataclass(frozen=True)
class Limited:
    """What stays with the platform: of calls of an organization the creator is a member of
    (``own_organization``), or of one organization beyond what it may give (``one_organization``)."""

    reason: ShareReason
    amount: Money


@dataclass(frozen=True, kw_only=True)
class ShareFigures:
    """``accrued`` is limited, pending (no invoice paid yet), written off (its invoice never was) or shared.

    ``allocated`` is what paid invoices gave for what was shared, in the currency they settled in, and
    ``fees`` the processor's part of it.
    """

    accrued: Money
    limited: list[Limited]
    pending: Money
    written_off: Money
    shared: Money
    allocated: list[Money]
    fees: list[Money]


@dataclass(frozen=True, kw_only=True)
class ShareDetail(ShareFigures):
    """One knowledge base's of one meter; ``units`` of ``creator_prices`` are minor units."""

    knowledge_base_id: UUID
    meter: str
    units: int


@dataclass(frozen=True, kw_only=True)
class SharesOfMonth(ShareFigures):
    """Of one UTC month's calls (``2026-11``) in one metering currency."""

    month: str
    currency: str
    lines: list[ShareDetail]


@dataclass(frozen=True)
class PoolOfKnowledgeBase:
    """Distinct readers of a base's free content, and what they brought. The platform kept ``withheld``.

    ``reasons``: the creator had ``too_few_readers``, reached the ``creator_limit`` of a pool, or was
    ``not_eligible`` when the month was closed.
    """

    knowledge_base_id: UUID
    readers: int
    amounts: list[Money]
    withheld: list[Money]
    reasons: list[str]


@dataclass(frozen=True)
class PoolOfMonth:
    """A closed month; ``readers`` are distinct over all of the creator's knowledge bases."""

    month: str
    readers: int
    amounts: list[Money]
    knowledge_bases: list[PoolOfKnowledgeBase]


async def read_shares(
    context: Context, *, creator_id: UUID, before: date | None, limit: int
) -> list[tuple[date, list[SharesOfMonth]]]:
    """The newest ``limit`` months in which anything accrued, from below ``before``; one entry a currency."""
    async with context.database.reading() as connection:
        months = await statements.share_months(connection, creator_id, before=before, limit=limit)
        sums = await statements.shares_of(connection, creator_id, months)
        given = await statements.allocated_to(connection, creator_id, months)
    return [(month, _months(month, sums, given)) for month in months]


async def read_pool(
    context: Context, *, creator_id: UUID, before: date | None, limit: int
) -> list[tuple[date, PoolOfMonth]]:
    """The newest ``limit`` closed months in which the creator had readers, from below ``before``."""
    async with context.database.reading() as connection:
        found = await statements.pool_statements(connection, creator_id, before=before, limit=limit)
    return [(one.month, _pool(one)) for one in found]


def _months(month: date, sums: Sequence[ShareSum], given: Sequence[AllocatedSum]) -> list[SharesOfMonth]:
    mine = [one for one in sums if one.month == month]
    return [
        SharesOfMonth(
            month=f"{month:%Y-%m}",
            currency=currency,
            lines=[
                ShareDetail(
                    knowledge_base_id=line.knowledge_base_id,
                    meter=line.meter,
                    units=line.units,
                    **_figures([line], given),
                )
                for line in lines
            ],
            **_figures(lines, given),
        )
        for currency in sorted({one.currency for one in mine})
        for lines in [[one for one in mine if one.currency == currency]]
    ]


class _Figures(TypedDict):
    accrued: Money
    limited: list[Limited]
    pending: Money
    written_off: Money
    shared: Money
    allocated: list[Money]
    fees: list[Money]


def _figures(lines: Sequence[ShareSum], given: Sequence[AllocatedSum]) -> _Figures:
    def total(name: str) -> Money:
        return Money(sum(getattr(line, name) for line in lines), lines[0].currency)

    places = {(line.month, line.knowledge_base_id, line.meter) for line in lines}
    paid = [one for one in given if (one.month, one.knowledge_base_id, one.meter) in places]
    limits: list[tuple[ShareReason, Money]] = [
        ("own_organization", total("own")),
        ("one_organization", total("concentrated")),
    ]
    return {
        "accrued": total("accrued"),
        "limited": [Limited(reason, amount) for reason, amount in limits if amount.amount],
        "pending": total("pending"),
        "written_off": total("written_off"),
        "shared": total("shared"),
        "allocated": _moneys((one.currency, one.amount) for one in paid),
        "fees": _moneys((one.currency, one.fees) for one in paid),
    }


def _pool(found: PoolStatement) -> PoolOfMonth:
    return PoolOfMonth(
        month=f"{found.month:%Y-%m}",
        readers=found.readers,
        amounts=_moneys((one.currency, one.amount) for one in found.amounts),
        knowledge_bases=[
            PoolOfKnowledgeBase(
                base.knowledge_base_id,
                base.readers,
                amounts=_moneys((one.currency, one.amount) for one in theirs),
                withheld=_moneys((one.currency, one.withheld) for one in theirs),
                reasons=sorted({one.reason for one in theirs if one.reason is not None}),
            )
            for base in found.by_knowledge_base
            for theirs in [[one for one in found.amounts if one.knowledge_base_id == base.knowledge_base_id]]
        ],
    )


def _moneys(amounts: Iterable[tuple[str, int]]) -> list[Money]:
    """The sums by currency, in its order; none of nothing."""
    sums: defaultdict[str, int] = defaultdict(int)
    for currency, amount in amounts:
        sums[currency] += amount
    return [Money(amount, currency) for currency, amount in sorted(sums.items()) if amount]
