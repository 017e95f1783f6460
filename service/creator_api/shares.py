"""Revenue shares: what metered calls and readers of free content brought, month by month."""

from datetime import date

from litestar import get
from litestar.di import NamedDependency

from service.http.login import Person
from service.http.paging import Page, PageRequest, decode_cursor, encode_cursor
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
        context, creator_id=person.account_id, before=_before(page, bound), limit=page.limit + 1
    )
    shown = found[: page.limit]
    following = encode_cursor([shown[-1][0]], bound) if len(found) > page.limit else None
    return Page(data=[one for _, months in shown for one in months], next_cursor=following)


@get("/earnings/pool")
async def pool(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[PoolOfMonth]:
    """The square's traffic pool by closed month, newest first: readers of free content, and their worth."""
    bound = f"pool:{person.account_id}"
    found = await read_shares.read_pool(
        context, creator_id=person.account_id, before=_before(page, bound), limit=page.limit + 1
    )
    shown = found[: page.limit]
    following = encode_cursor([shown[-1][0]], bound) if len(found) > page.limit else None
    return Page(data=[month for _, month in shown], next_cursor=following)


def _before(page: PageRequest, bound: str) -> date | None:
    return date.fromisoformat(decode_cursor(page.cursor, bound)[0]) if page.cursor else None


handlers = [shares, pool]
