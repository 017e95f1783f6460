"""What creators see of their payouts: those made, and what waits for one, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from billing.payouts.accounts import PayoutAccountFact
from billing.payouts.facts import Facts
from billing.payouts.tables import payout

Reader = AsyncSession | AsyncConnection

Reason = Literal[
    "hold_back",  # earned lately
    "disputed",  # of a payment that is disputed
    "netted",  # paid once a month, over a least amount
    "debt",  # below zero: more was given back than is left
    "onboarding",  # nowhere to pay to yet
    "requirements",  # the processor asks for more
    "frozen",  # held by the operators
    "blocked",  # all transfers stand still
    "next_run",
]


@dataclass(frozen=True)
class PayoutFact:
    """``status``: sending, waiting (``reason`` says for what), open (an operator pays it), paid, canceled.

    ``reversed`` of ``amount`` was taken back since. ``reference`` is the transfer's name, or the bank's.
    """

    id: UUID
    kind: str
    method: str
    status: str
    reason: str | None
    amount: Money
    reversed: int
    sale_id: UUID | None
    reference: str | None
    created_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True)
class Waiting:
    """``since`` is when it may be paid at the earliest, where that is known."""

    reason: Reason
    amount: Money
    earliest: datetime | None


async def list_payouts(
    session: Reader, creator_id: UUID, *, before: UUID | None, limit: int
) -> list[PayoutFact]:
    """Newest first."""
    query = sa.select(payout).where(payout.c.creator_id == creator_id)
    if before is not None:
        query = query.where(payout.c.id < before)
    return [fact_of(row) for row in await session.execute(query.order_by(payout.c.id.desc()).limit(limit))]


def fact_of(row: sa.Row[Any]) -> PayoutFact:
    return PayoutFact(
        id=row.id,
        kind=row.kind,
        method=row.method,
        status=row.status,
        reason=row.reason,
        amount=Money(row.amount, row.currency),
        reversed=row.reversed,
        sale_id=row.sale_id,
        reference=row.reference,
        created_at=row.created_at,
        paid_at=row.paid_at,
    )


def waiting(
    facts: Sequence[Facts],
    account: PayoutAccountFact,
    *,
    blocked: bool,
    hold: timedelta,
    netted_from: datetime,
) -> list[Waiting]:
    """What of the creator's balance is not being paid, and why. It adds up to what ``facts`` hold."""
    held = _held(account, blocked=blocked)
    found = []
    for one in facts:
        sums: dict[Reason, int] = {}
        earliest: dict[Reason, datetime] = {}

        def add(reason: Reason, amount: int, at: datetime | None = None) -> None:
            sums[reason] = sums.get(reason, 0) + amount  # noqa: B023 -- called in this turn alone
            if at is not None:
                earliest.setdefault(reason, at)  # noqa: B023 -- as above

        for sold in one.open:
            if sold.due < 0:
                add("debt", sold.due)
            elif sold.frozen:
                add("disputed", sold.due)
            elif not sold.ripe:
                add("hold_back", sold.due, sold.earned_at + hold)
            elif one.method == "manual":
                add(held or "netted", sold.due, None if held else netted_from)
            else:
                add(held or "next_run", sold.due)
        if one.loose < 0:
            add("debt", one.loose)
        elif one.loose > 0:
            add(held or "netted", one.loose, None if held else netted_from)
        found += [
            Waiting(reason, Money(amount, one.currency), earliest.get(reason))
            for reason, amount in sums.items()
            if amount
        ]
    return found


def _held(account: PayoutAccountFact, *, blocked: bool) -> Reason | None:
    """What stands against any payout of this creator's."""
    if account.frozen_at is not None:
        return "frozen"
    if not account.ready:
        return "onboarding"
    if account.method == "transfer" and account.status == "restricted":
        return "requirements"
    return "blocked" if blocked else None
