"""Revenue shares: what metered calls and readers of free content brought, month by month."""

from datetime import date

from litestar import get
from litestar.di import NamedDependency

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, place_of
from service.usecases import read_shares
from service.usecases.context import Context
from service.usecases.read_shares import PoolOfMonth, SharesOfMonth


@get("/earnings/shares")
async def shares(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[SharesOfMonth]:
    """By month of the calls, newest first: what accrued by knowledge base and meter, what limits kept back
    and why, what waits for an invoice, and what was allocated. A page is so many months."""
    bound = f"shares:{person.account_id}"
    found = await read_shares.read_shares(
        context,
        creator_id=person.account_id,
        before=place_of(page, bound, date.fromisoformat),
        limit=page.limit + 1,
    )
    shown = paged(found, page, bound, position=lambda row: row[0])
    return Page(data=[one for _, months in shown.data for one in months], next_cursor=shown.next_cursor)


@get("/earnings/pool")
async def pool(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[PoolOfMonth]:
    """The square's traffic pool by closed month, newest first: readers of free content, and their worth."""
    bound = f"pool:{person.account_id}"
    found = await read_shares.read_pool(
        context,
        creator_id=person.account_id,
        before=place_of(page, bound, date.fromisoformat),
        limit=page.limit + 1,
    )
    shown = paged(found, page, bound, position=lambda row: row[0])
    return Page(data=[month for _, month in shown.data], next_cursor=shown.next_cursor)


handlers = [shares, pool]
