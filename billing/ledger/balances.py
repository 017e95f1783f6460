"""Reading the ledger: what a creator earned, what it cost, what is payable."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.ledger.tables import ledger_account, ledger_entry, ledger_transaction

Reader = AsyncSession | AsyncConnection


@dataclass(frozen=True)
class Balance:
    """Integers of minor units. ``payable`` = earned − fees − refunded − paid; below zero it is a debt."""

    currency: str
    earned: int
    fees: int
    refunded: int
    paid: int
    payable: int


@dataclass(frozen=True)
class Line:
    """One movement of a creator's accounts; what is payable grows by ``amount``."""

    id: str
    kind: str
    amount: int
    currency: str
    source_type: str
    source_id: str
    sale_id: UUID | None
    at: datetime


async def balances_of(
    session: Reader, creator_id: UUID, *, start: datetime | None = None, end: datetime | None = None
) -> list[Balance]:
    """The creator's balances, by currency; of what took effect in ``[start, end)``, or of all time."""
    if start is None and end is None:
        query = sa.select(ledger_account.c.kind, ledger_account.c.currency, ledger_account.c.balance)
        rows = await session.execute(query.where(ledger_account.c.owner_id == creator_id))
    else:
        query = (
            sa.select(ledger_account.c.kind, ledger_account.c.currency, sa.func.sum(ledger_entry.c.amount))
            .join(ledger_entry, ledger_entry.c.account_id == ledger_account.c.id)
            .where(ledger_account.c.owner_id == creator_id, *_within(start, end))
            .group_by(ledger_account.c.kind, ledger_account.c.currency)
        )
        rows = await session.execute(query)
    sums: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for kind, currency, amount in rows:
        sums[currency][kind] = int(amount)
    return [balance(currency, sums[currency]) for currency in sorted(sums)]


def balance(currency: str, sums: dict[str, int]) -> Balance:
    """From the sums of the creator's four accounts: earnings are credits, the others debits."""
    earned = -sums.get("creator_earned", 0)
    fees = sums.get("creator_fees", 0)
    refunded = sums.get("creator_refunded", 0)
    paid = sums.get("creator_paid", 0)
    return Balance(currency, earned, fees, refunded, paid, earned - fees - refunded - paid)


async def lines_of(
    session: Reader,
    creator_id: UUID,
    *,
    start: datetime | None,
    end: datetime | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Line]:
    """The creator's ledger lines, newest first, from below the position ``before`` (time, id)."""
    line_id = (
        sa.cast(ledger_entry.c.transaction_id, sa.Text) + "-" + sa.cast(ledger_entry.c.position, sa.Text)
    )
    query = (
        sa.select(
            line_id.label("id"),
            ledger_account.c.kind,
            ledger_entry.c.amount,
            ledger_entry.c.currency,
            ledger_transaction.c.source_type,
            ledger_transaction.c.source_id,
            ledger_transaction.c.sale_id,
            ledger_entry.c.effective_at,
        )
        .join(ledger_account, ledger_account.c.id == ledger_entry.c.account_id)
        .join(ledger_transaction, ledger_transaction.c.id == ledger_entry.c.transaction_id)
        .where(ledger_account.c.owner_id == creator_id, *_within(start, end))
    )
    if before is not None:
        query = query.where(sa.tuple_(ledger_entry.c.effective_at, line_id) < sa.tuple_(*before))
    rows: Sequence[Any] = (
        await session.execute(query.order_by(ledger_entry.c.effective_at.desc(), line_id.desc()).limit(limit))
    ).all()
    return [
        Line(
            id=row.id,
            kind=row.kind.removeprefix("creator_"),
            amount=-row.amount,
            currency=row.currency,
            source_type=row.source_type,
            source_id=row.source_id,
            sale_id=row.sale_id,
            at=row.effective_at,
        )
        for row in rows
    ]


def _within(start: datetime | None, end: datetime | None) -> list[sa.ColumnElement[bool]]:
    bounds = []
    if start is not None:
        bounds.append(ledger_entry.c.effective_at >= start)
    if end is not None:
        bounds.append(ledger_entry.c.effective_at < end)
    return bounds
