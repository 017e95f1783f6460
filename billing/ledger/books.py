"""The books as operators read them: trial balance, balances by kind of account, the journal.

What a moment in the past was is today's balance less what took effect since, so the latest days cost little
however long the history is.
"""

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
class TrialLine:
    """All accounts of a kind in a currency. ``balance`` = ``debits`` − ``credits``, minor units.

    ``debits`` and ``credits`` sum the accounts that stand on either side, so each currency's are equal.
    """

    kind: str
    currency: str
    accounts: int
    debits: int
    credits: int
    balance: int


@dataclass(frozen=True)
class AccountLine:
    """One account. ``owner_id`` None is the platform's."""

    id: UUID
    kind: str
    owner_id: UUID | None
    currency: str
    balance: int


@dataclass(frozen=True)
class PostedEntry:
    """One side of a posting: a debit above zero, a credit below."""

    kind: str
    owner_id: UUID | None
    amount: int
    currency: str


@dataclass(frozen=True)
class Posting:
    """What was posted once for its source; its entries sum to zero."""

    id: UUID
    source_type: str
    source_id: str
    leg: str
    sale_id: UUID | None
    reverses_id: UUID | None
    effective_at: datetime
    posted_at: datetime
    entries: list[PostedEntry]


@dataclass(frozen=True)
class JournalFilter:
    """Which postings: every field that is set must fit. ``start`` and ``end`` bound when it took effect."""

    source_type: str | None = None
    source_id: str | None = None
    sale_id: UUID | None = None
    kind: str | None = None
    owner_id: UUID | None = None
    currency: str | None = None
    start: datetime | None = None
    end: datetime | None = None


async def trial_balance(session: Reader, *, at: datetime | None = None) -> list[TrialLine]:
    """By kind and currency, of what took effect before ``at``, or of everything."""
    stood: sa.ColumnElement[int] = ledger_account.c.balance
    if at is not None:
        # One range of an index for each account.
        since = sa.select(sa.func.coalesce(sa.func.sum(ledger_entry.c.amount), 0)).where(
            ledger_entry.c.account_id == ledger_account.c.id, ledger_entry.c.effective_at >= at
        )
        stood = ledger_account.c.balance - since.scalar_subquery()
    accounts = sa.select(ledger_account.c.kind, ledger_account.c.currency, stood.label("balance")).subquery()
    total = sa.func.coalesce(sa.func.sum(accounts.c.balance), 0)
    debits = sa.func.coalesce(sa.func.sum(accounts.c.balance).filter(accounts.c.balance > 0), 0)
    rows = await session.execute(
        sa.select(
            accounts.c.kind,
            accounts.c.currency,
            sa.func.count().label("accounts"),
            debits.label("debits"),
            (debits - total).label("credits"),
            total.label("balance"),
        )
        .group_by(accounts.c.kind, accounts.c.currency)
        .order_by(accounts.c.currency, accounts.c.kind)
    )
    return [
        TrialLine(row.kind, row.currency, row.accounts, int(row.debits), int(row.credits), int(row.balance))
        for row in rows
    ]


async def accounts(
    session: Reader,
    *,
    kind: str | None,
    owner_id: UUID | None,
    currency: str | None,
    before: UUID | None,
    limit: int,
) -> list[AccountLine]:
    """Accounts with their balances, from below the id ``before``."""
    query = sa.select(ledger_account).order_by(ledger_account.c.id.desc()).limit(limit)
    wanted = {"kind": kind, "owner_id": owner_id, "currency": currency}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(ledger_account.c[name] == value)
    if before is not None:
        query = query.where(ledger_account.c.id < before)
    return [
        AccountLine(row.id, row.kind, row.owner_id, row.currency, row.balance)
        for row in await session.execute(query)
    ]


async def journal(
    session: Reader, wanted: JournalFilter, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Posting]:
    """Postings, latest effect first, from below the position ``before`` (time, id)."""
    query = sa.select(ledger_transaction).where(*_fits(wanted))
    position = sa.tuple_(ledger_transaction.c.effective_at, ledger_transaction.c.id)
    if before is not None:
        query = query.where(position < sa.tuple_(*before))
    query = query.order_by(ledger_transaction.c.effective_at.desc(), ledger_transaction.c.id.desc())
    posted = (await session.execute(query.limit(limit))).all()
    entries = await _entries(session, [row.id for row in posted])
    return [Posting(**row._mapping, entries=entries.get(row.id, [])) for row in posted]


def _fits(wanted: JournalFilter) -> list[sa.ColumnElement[bool]]:
    posted = ledger_transaction.c
    conditions = [
        posted[name] == value
        for name in ("source_type", "source_id", "sale_id")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.start is not None:
        conditions.append(posted.effective_at >= wanted.start)
    if wanted.end is not None:
        conditions.append(posted.effective_at < wanted.end)
    of_account = [
        ledger_account.c[name] == value
        for name in ("kind", "owner_id", "currency")
        if (value := getattr(wanted, name)) is not None
    ]
    if of_account:
        moved = sa.select(ledger_entry.c.transaction_id).join(
            ledger_account, ledger_account.c.id == ledger_entry.c.account_id
        )
        conditions.append(posted.id.in_(moved.where(*of_account)))
    return conditions


async def _entries(session: Reader, ids: Sequence[UUID]) -> dict[UUID, list[PostedEntry]]:
    query = (
        sa.select(
            ledger_entry.c.transaction_id,
            ledger_account.c.kind,
            ledger_account.c.owner_id,
            ledger_entry.c.amount,
            ledger_entry.c.currency,
        )
        .join(ledger_account, ledger_account.c.id == ledger_entry.c.account_id)
        .where(ledger_entry.c.transaction_id.in_(ids))
        .order_by(ledger_entry.c.transaction_id, ledger_entry.c.position)
    )
    found: dict[UUID, list[PostedEntry]] = {}
    row: Any
    for row in await session.execute(query):
        entry = PostedEntry(row.kind, row.owner_id, row.amount, row.currency)
        found.setdefault(row.transaction_id, []).append(entry)
    return found
