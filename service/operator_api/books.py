"""The books: trial balance, accounts, journal, reconciliation with the processor."""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, place_of, position_of
from service.http.periods import From, To, period_of
from service.usecases import read_books, reconcile_balance
from service.usecases.context import Context
from service.usecases.read_books import AccountLine, JournalFilter, Posting, TrialLine
from service.usecases.reconcile_balance import Reconciliation

At = Annotated[str | None, QueryParameter(name="at", description="As of this time or date (UTC).")]
CSV = "text/csv; charset=utf-8"
CSV_PAGE = 500
JOURNAL_COLUMNS = (
    "effective_at", "posted_at", "transaction_id", "source_type", "source_id", "leg", "sale_id",
    "account_kind", "owner_id", "amount", "currency",
)  # fmt: skip


class TrialBalance(msgspec.Struct, kw_only=True):
    """Of what took effect before ``at`` (null: of everything). In each currency debits equal credits."""

    at: datetime | None
    data: list[TrialLine]


@get("/books/trial-balance")
async def trial_balance(
    operator: NamedDependency[Person], context: NamedDependency[Context], at: At = None
) -> TrialBalance:
    """By kind of account and currency, minor units."""
    moment, _ = period_of(at, None)
    return TrialBalance(at=moment, data=await read_books.read_trial_balance(context, at=moment))


@get("/books/trial-balance.csv", media_type=CSV)
async def trial_balance_csv(
    operator: NamedDependency[Person], context: NamedDependency[Context], at: At = None
) -> str:
    """The same as a table."""
    moment, _ = period_of(at, None)
    lines = await read_books.read_trial_balance(context, at=moment)
    columns = ("kind", "currency", "accounts", "debits", "credits", "balance")
    return _table([columns, *([getattr(line, name) for name in columns] for line in lines)])


@get("/books/accounts")
async def accounts(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    kind: FromQuery[str | None] = None,
    owner_id: FromQuery[UUID | None] = None,
    currency: FromQuery[str | None] = None,
) -> Page[AccountLine]:
    """Every account of the ledger with its balance: above zero a debit, below a credit."""
    bound = f"accounts {kind} {owner_id} {currency} {operator.account_id}"
    rows = await read_books.list_accounts(
        context,
        kind=kind,
        owner_id=owner_id,
        currency=currency,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


def provide_filter(
    source_type: FromQuery[str | None] = None,
    source_id: FromQuery[str | None] = None,
    sale_id: FromQuery[UUID | None] = None,
    kind: FromQuery[str | None] = None,
    owner_id: FromQuery[UUID | None] = None,
    currency: FromQuery[str | None] = None,
    since: From = None,
    until: To = None,
) -> JournalFilter:
    """The journal's filters; ``kind``, ``owner_id`` and ``currency`` are of an account that moved."""
    start, end = period_of(since, until)
    return JournalFilter(source_type, source_id, sale_id, kind, owner_id, currency, start, end)


@get("/books/journal")
async def journal(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    wanted: NamedDependency[JournalFilter],
) -> Page[Posting]:
    """What was posted, each with its entries, which sum to zero; latest effect first."""
    bound = f"journal {wanted} {operator.account_id}"
    before = place_of(page, bound, lambda at, id: (datetime.fromisoformat(at), UUID(id)))
    rows = await read_books.read_journal(context, wanted, before=before, limit=page.limit + 1)
    return paged(rows, page, bound, position=lambda row: (row.effective_at, row.id))


@get("/books/journal.csv", media_type=CSV)
async def journal_csv(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    wanted: NamedDependency[JournalFilter],
) -> Stream:
    """All of it, one line an entry, for a spreadsheet or an auditor."""
    return Stream(_journal_lines(context, wanted), media_type=CSV)


async def _journal_lines(context: Context, wanted: JournalFilter) -> AsyncIterator[str]:
    yield _table([JOURNAL_COLUMNS])
    before = None
    while postings := await read_books.read_journal(context, wanted, before=before, limit=CSV_PAGE):
        yield _table(
            (
                posting.effective_at.isoformat(), posting.posted_at.isoformat(), posting.id,
                posting.source_type, posting.source_id, posting.leg, posting.sale_id,
                entry.kind, entry.owner_id, entry.amount, entry.currency,
            )
            for posting in postings
            for entry in posting.entries
        )  # fmt: skip
        before = (postings[-1].effective_at, postings[-1].id)


def _table(rows: Iterable[Iterable[object]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


@get("/books/reconciliation")
async def reconciliation(
    operator: NamedDependency[Person], context: NamedDependency[Context]
) -> Reconciliation:
    """The ledger's balance at the processor beside the processor's own, as of the last hourly reading."""
    return await reconcile_balance.read_reconciliation(context)


handlers = [
    trial_balance,
    trial_balance_csv,
    accounts,
    journal,
    journal_csv,
    reconciliation,
]
