"""A month of an organization's metered calls as a picture."""

import calendar
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter

from billing.money import Money, decimals
from service.http.charts import month_chart
from service.http.inputs import InvalidInput
from service.http.login import Person
from service.http.outlines import POLICY, SVG
from service.http.periods import EARLIEST, LATEST
from service.http.texts import MONTH
from service.usecases import read_usage
from service.usecases.context import Context
from service.usecases.read_usage import UsageFact

Month = Annotated[
    str | None,
    QueryParameter(description="YYYY-MM, of UTC; this month, unless given.", schema_extra=MONTH),
]
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
METERS = ("answers", "passages")


@get(
    "/organizations/{organization_id:uuid}/usage/chart",
    media_type=SVG,
    responses={
        200: ResponseSpec(str, description="A picture (SVG).", media_type=SVG, generate_examples=False)
    },
)
async def get_usage_chart(
    organization_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    month: Month = None,
) -> Response[bytes]:
    """What each day of the month came to, by meter; or, while nothing costs anything, its units."""
    since, until = _period(month)
    fact = await read_usage.read_usage(
        context,
        organization_id=organization_id,
        account_id=person.account_id,
        since=since,
        until=until,
        group_by="day",
    )
    return Response(_drawn(fact).encode(), media_type=SVG, headers={"Content-Security-Policy": POLICY})


def _period(month: str | None) -> tuple[datetime | None, datetime | None]:
    if month is None:
        return None, None
    found = _MONTH.fullmatch(month)
    if found is None or not EARLIEST <= int(found[1]) <= LATEST:
        raise InvalidInput(("month", "must be a month: YYYY-MM"))
    first = datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)
    return first, (first + timedelta(days=32)).replace(day=1)


def _drawn(fact: UsageFact) -> str:
    days = calendar.monthrange(fact.since.year, fact.since.month)[1]
    labels = [f"{fact.since:%Y-%m}-{day:02}" for day in range(1, days + 1)]
    costs = any(line.amount for line in fact.lines)
    values: Counter[tuple[str, str]] = Counter()
    units: Counter[str] = Counter()
    for line in fact.lines:
        units[line.meter] += line.units
        if line.currency == fact.currency:
            values[line.meter, line.group] += line.amount if costs else line.units
    places = decimals(fact.currency) if costs else 0
    told = ", ".join(f"{units[meter]:,} {meter}" for meter in METERS)
    return month_chart(
        f"{fact.since:%Y-%m}: {Money(fact.amount, fact.currency)}",
        f"{told} · bars: {fact.currency.upper() if costs else 'units'} a UTC day",
        {meter: [values[meter, label] for label in labels] for meter in METERS},
        labels=[label[-2:] for label in labels],
        places=places,
    )


handlers = [get_usage_chart]
