"""What an organization's metered calls came to."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from service.http.login import Person
from service.http.periods import From, To, period_of
from service.http.tables import csv_response, tabled, wants_csv
from service.usecases import read_usage
from service.usecases.context import Context

GroupBy = Annotated[
    Literal["day", "key", "knowledge_base", "member"],
    QueryParameter(description="Days are UTC days; a member is who made the key."),
]

Format = Annotated[
    Literal["json", "csv"] | None, QueryParameter(description="Otherwise the Accept header decides.")
]


class UsageEntry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One meter in one group: of `day`, `key_id`, `knowledge_base_id` and `member_id` the one grouped by is
    there."""

    day: str | None = None
    key_id: str | None = None
    knowledge_base_id: str | None = None
    member_id: str | None = None
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


FIELD = {"day": "day", "key": "key_id", "knowledge_base": "knowledge_base_id", "member": "member_id"}


@get(
    "/organizations/{organization_id:uuid}/usage",
    **tabled(Usage),
)
async def get_usage(
    organization_id: FromPath[UUID],
    request: Request[Any, Any, Any],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    since: From = None,
    until: To = None,
    group_by: GroupBy = "day",
    format: Format = None,
) -> Response[Any]:
    """Units and amounts by meter and group, and their total, whatever the grouping; of this UTC month,
    unless another time is given. CSV by Accept or `format`."""
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
    if wants_csv(request, format):
        rows = [(line.group, line.meter, line.units, line.amount, line.currency) for line in fact.lines]
        header = (FIELD[group_by], "meter", "units", "amount", "currency")
        return csv_response(header, rows, name=f"usage-{fact.since:%Y-%m-%d}.csv")
    total = UsageTotal(units=fact.units, amount=fact.amount, currency=fact.currency)
    return Response(Usage(data=entries, total=total))


handlers = [get_usage]
