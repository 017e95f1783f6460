"""Operators read the books: trial balance, accounts, journal, sales."""

from datetime import datetime
from uuid import UUID

from billing.ledger import books
from billing.ledger.books import AccountLine as AccountLine
from billing.ledger.books import JournalFilter as JournalFilter
from billing.ledger.books import Posting as Posting
from billing.ledger.books import TrialLine as TrialLine
from billing.subscriptions import searching
from billing.subscriptions.searching import SaleFilter as SaleFilter
from billing.subscriptions.searching import SaleRecord as SaleRecord
from service.usecases.context import Context


async def read_trial_balance(context: Context, *, at: datetime | None) -> list[TrialLine]:
    """Of what took effect before ``at``, or of everything; each currency's debits are its credits."""
    async with context.database.reading() as connection:
        return await books.trial_balance(connection, at=at)


async def list_accounts(
    context: Context,
    *,
    kind: str | None,
    owner_id: UUID | None,
    currency: str | None,
    before: UUID | None,
    limit: int,
) -> list[AccountLine]:
    """The ledger's accounts with their balances."""
    async with context.database.reading() as connection:
        return await books.accounts(
            connection, kind=kind, owner_id=owner_id, currency=currency, before=before, limit=limit
        )


async def read_journal(
    context: Context, wanted: JournalFilter, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[Posting]:
    """Postings with their entries, latest effect first."""
    async with context.database.reading() as connection:
        return await books.journal(connection, wanted, before=before, limit=limit)


async def search_sales(
    context: Context, wanted: SaleFilter, *, before: UUID | None, limit: int
) -> list[SaleRecord]:
    """Newest first."""
    async with context.database.reading() as connection:
        return await searching.find_sales(connection, wanted, before=before, limit=limit)
