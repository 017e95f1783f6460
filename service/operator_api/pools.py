"""The square's traffic pool: what share of the net take it is, and what was divided of it."""

from datetime import date
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, place_of, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import set_pool_rate
from service.usecases.context import Context
from service.usecases.set_pool_rate import ClosedPool, PoolRateFact


class PoolRateBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``from_month`` is any day of the first month; left out: the running one."""

    bps: Annotated[int, Meta(ge=0, le=10_000)]
    from_month: date | None = None


@post("/pool-rates")
async def set_rate(
    data: JSONBody[PoolRateBody],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> PoolRateFact:
    """Holds for months from then on; what was divided stays."""
    return await set_pool_rate.set_pool_rate(
        context,
        id=new_id(),
        operator_id=operator.account_id,
        bps=data.bps,
        from_month=data.from_month,
        once=once,
    )


@get("/pool-rates")
async def list_rates(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[PoolRateFact]:
    """Every rate that was set, newest first; before any, the setting's holds."""
    bound = f"pool rates {operator.account_id}"
    rows = await set_pool_rate.list_pool_rates(context, before=position_of(page, bound), limit=page.limit + 1)
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/pools")
async def list_pools(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[ClosedPool]:
    """The pools that were divided, newest first: one a month and currency."""
    bound = f"pools {operator.account_id}"
    before = place_of(page, bound, lambda month, currency: (date.fromisoformat(month), str(currency)))
    rows = await set_pool_rate.list_pools(context, before=before, limit=page.limit + 1)
    return paged(rows, page, bound, position=lambda row: (row.month, row.pool.currency))


handlers = [set_rate, list_rates, list_pools]
