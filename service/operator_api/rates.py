"""Take rates: what share the platform takes, of whom, from when on."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody
from msgspec import Meta

from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import set_take_rates
from service.usecases.context import Context
from service.usecases.set_take_rates import TakeRateFact


class TakeRateBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``creator_id`` left out: everybody without a rate of their own. ``bps`` null: that own rate ends."""

    bps: Annotated[int, Meta(ge=0, le=10_000)] | None
    creator_id: UUID | None = None
    effective_from: Annotated[datetime, Meta(tz=True)] | None = None


class RateInForce(msgspec.Struct, kw_only=True):
    """Basis points of what was paid less tax."""

    creator_id: UUID | None
    bps: int


@post("/take-rates")
async def set_rate(
    data: JSONBody[TakeRateBody],
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> TakeRateFact:
    """Holds for payments from then on; what was sold before keeps its split."""
    return await set_take_rates.set_take_rate(
        context,
        id=new_id(),
        operator_id=operator.account_id,
        creator_id=data.creator_id,
        bps=data.bps,
        effective_from=data.effective_from,
        once=once,
    )


@get("/take-rates")
async def list_rates(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    creator_id: FromQuery[UUID | None] = None,
) -> Page[TakeRateFact]:
    """Every version, newest first."""
    bound = f"take rates {creator_id} {operator.account_id}"
    rows = await set_take_rates.list_take_rates(
        context, creator_id=creator_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/take-rates/in-force")
async def rate_in_force(
    operator: NamedDependency[Person],
    context: NamedDependency[Context],
    creator_id: FromQuery[UUID | None] = None,
) -> RateInForce:
    """What a payment now would be split at."""
    bps = await set_take_rates.read_take_rate(context, creator_id=creator_id, at=None)
    return RateInForce(creator_id=creator_id, bps=bps)


handlers = [set_rate, list_rates, rate_in_force]
