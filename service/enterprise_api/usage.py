"""What an organization's metered calls came to."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from service.http.login import Person
from service.http.periods import From, To, period_of
from service.usecases import read_usage
from service.usecases.context import Context

GroupBy = Annotated[Literal["day", "key", "knowledge_base"], QueryParameter(description="Days are UTC days.")]


class UsageEntry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One meter in one group: of `day`, `key_id` and `knowledge_base_id` the one grouped by is there."""

    day: str | None = None
    key_id: str | None = None
    knowledge_base_id: str | None = None
    meter: str
    units: int
    amount: int
    currency: str


class UsageTotal(msgspec.Struct, kw_only=True):
    units: int
    amount: int
    currency: str


class Usage(msgspec.Struct, kw_only=True):
    """Amounts are minor units: the standard price of each unit and what creators ask on top."""

    data: list[UsageEntry]
    total: UsageTotal


FIELD = {"day": "day", "key": "key_id", "knowledge_base": "knowledge_base_id"}


@get("/organizations/{organization_id:uuid}/usage")
async def get_usage(
    organization_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    since: From = None,
    until: To = None,
    group_by: GroupBy = "day",
) -> Usage:
    """Units and amounts by meter and group, and their total, whatever the grouping; of this UTC month,
    unless another time is given."""
    start, end = period_of(since, until)
    fact = await read_usage.read_usage(
        context,
        organization_id=organization_id,
        account_id=person.account_id,
        since=start,
        until=end,
        group_by=group_by,
    )
    entries: list[UsageEntry] = []
    for line in fact.lines:
        group: dict[str, Any] = {FIELD[group_by]: line.group}
        entries.append(
            UsageEntry(
                **group, meter=line.meter, units=line.units, amount=line.amount, currency=line.currency
            )
        )
    return Usage(
        data=entries,
        total=UsageTotal(units=fact.units, amount=fact.amount, currency=fact.currency),
    )


handlers = [get_usage]
