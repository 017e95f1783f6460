"""Sales: found by charge, buyer, creator, knowledge base or time, and given back."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from billing.money import Money
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.http.periods import From, To, period_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import give_refund, read_books
from service.usecases.context import Context
from service.usecases.give_refund import RefundFact
from service.usecases.read_books import SaleFilter, SaleRecord


class RefundBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``amount`` of what the buyer paid, in its currency, or all that is left of it.

    ``end_subscription`` null: it ends when the whole of its latest payment is given back.
    """

    reason: Annotated[str, Meta(min_length=1, max_length=1000)]
    amount: Money | Annotated[int, Meta(ge=1)] | None = None
    end_subscription: bool | None = None


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


@post("/sales/{sale_id:uuid}/refund")
async def refund(
    sale_id: FromPath[UUID],
    data: JSONBody[RefundBody],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> RefundFact:
    """Gives money back, of anybody's sale."""
    return await give_refund.give_refund(
        context,
        refund_id=new_id(),
        actor_id=operator.account_id,
        as_operator=True,
        sale_id=sale_id,
        amount=data.amount,
        reason=data.reason,
        end_subscription=data.end_subscription,
        once=once,
    )


handlers = [search_sales, refund]
