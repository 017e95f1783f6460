"""Earnings: what was earned, what it cost, what is payable."""

from datetime import datetime

from litestar import get
from litestar.di import NamedDependency

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, place_of, position_of
from service.http.periods import From, To, period_of
from service.usecases import read_earnings
from service.usecases.context import Context
from service.usecases.read_earnings import Analytics, Earnings, Line, SaleFact, TipFact


@get("/earnings")
async def earnings(
    person: NamedDependency[Person], context: NamedDependency[Context], since: From = None, until: To = None
) -> Earnings:
    """Payable is earned − fees − refunded − paid."""
    start, end = period_of(since, until)
    return await read_earnings.read_earnings(context, creator_id=person.account_id, start=start, end=end)


@get("/earnings/transfers")
async def transfers(
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    since: From = None,
    until: To = None,
) -> Page[Line]:
    """The ledger's lines behind the balances, newest first; what is payable grows by each amount."""
    start, end = period_of(since, until)
    bound = f"lines:{person.account_id}:{start}:{end}"
    before = place_of(page, bound, lambda at, id: (datetime.fromisoformat(at), str(id)))
    found = await read_earnings.list_lines(
        context, creator_id=person.account_id, start=start, end=end, before=before, limit=page.limit + 1
    )
    return paged(found, page, bound, position=lambda row: (row.at, row.id))


@get("/sales")
async def sales(
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    since: From = None,
    until: To = None,
) -> Page[SaleFact]:
    """Each payment with its split and fees, newest first."""
    start, end = period_of(since, until)
    bound = f"sales:{person.account_id}:{start}:{end}"
    found = await read_earnings.list_sales(
        context,
        creator_id=person.account_id,
        start=start,
        end=end,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(found, page, bound, position=lambda row: row.id)


@get("/tips")
async def tips(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[TipFact]:
    """Tips received, newest first; anonymous ones are from nobody."""
    bound = f"tips:{person.account_id}"
    found = await read_earnings.list_tips(
        context, creator_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(found, page, bound, position=lambda row: row.id)


@get("/analytics")
async def analytics(
    person: NamedDependency[Person], context: NamedDependency[Context], since: From = None, until: To = None
) -> Analytics:
    """Of the last thirty days, or of the time given."""
    start, end = period_of(since, until)
    return await read_earnings.read_analytics(context, creator_id=person.account_id, start=start, end=end)


handlers = [earnings, transfers, sales, tips, analytics]
