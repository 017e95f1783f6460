"""Sales: found by charge, buyer, creator, knowledge base or time."""

from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.http.periods import From, To, period_of
from service.usecases import read_books
from service.usecases.context import Context
from service.usecases.read_books import SaleFilter, SaleRecord


@get("/sales")
async def search_sales(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    charge: FromQuery[str | None] = None,
    account_id: FromQuery[UUID | None] = None,
    creator_id: FromQuery[UUID | None] = None,
    organization_id: FromQuery[UUID | None] = None,
    knowledge_base_id: FromQuery[UUID | None] = None,
    since: From = None,
    until: To = None,
) -> Page[SaleRecord]:
    """Newest first, each with its split and what was given back of it."""
    start, end = period_of(since, until)
    wanted = SaleFilter(charge, account_id, creator_id, organization_id, knowledge_base_id, start, end)
    bound = f"all sales {wanted} {operator.account_id}"
    rows = await read_books.search_sales(
        context, wanted, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


handlers = [search_sales]
