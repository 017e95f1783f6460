"""Being paid: the account, what was paid and what waits, statements, what a price really earns."""

from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter
from litestar.response import Redirect
from msgspec import Meta, Struct

from billing.money import Money
from service.creator_api.schemas import PayoutAccountBody
from service.http.inputs import InvalidInput
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, place_of, position_of
from service.http.tables import csv_response, tabled, wants_csv
from service.http.texts import MONTH, Country
from service.platform.idempotency import Once
from service.usecases import list_payouts, open_payout_account, price_net, read_statements
from service.usecases.context import Context
from service.usecases.list_payouts import PayoutFact, Waiting
from service.usecases.open_payout_account import Onboarding, PayoutAccount
from service.usecases.price_net import PriceNet
from service.usecases.read_statements import MonthSummary, Statement

LINE = ("at", "kind", "amount", "currency", "source_type", "source_id", "sale_id", "id")


class LocateBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """``details``: the bank account to pay to by hand, in the bank's words. It is kept sealed."""

    country: Country
    details: Annotated[str, Meta(min_length=1, max_length=2000, pattern=r"\S")] | None = None


@post("/payout-account")
async def open_account(
    data: JSONBody[PayoutAccountBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Onboarding:
    """The page where the creator tells Stripe who they are. Sales may start before it is done."""
    return await open_payout_account.open_payout_account(
        context, account_id=person.account_id, return_url=data.return_url, country=data.country, once=once
    )


@get("/payout-account")
async def read_account(person: NamedDependency[Person], context: NamedDependency[Context]) -> PayoutAccount:
    """How the account stands, what is still asked for, how payouts are made, whether sales go on."""
    return await open_payout_account.read_payout_account(context, account_id=person.account_id)


@put("/payout-account")
async def locate(
    data: JSONBody[LocateBody], person: NamedDependency[Person], context: NamedDependency[Context]
) -> PayoutAccount:
    """Says the country, and where to pay by hand when no transfer reaches it."""
    return await open_payout_account.locate_payouts(
        context, account_id=person.account_id, country=data.country, details=data.details
    )


@get("/payout-account/links/{link:str}", status_code=303)
async def follow(link: FromPath[str], context: NamedDependency[Context]) -> Redirect:
    """Where Stripe sends who followed an onboarding link that was used or is over: on to a new one."""
    return Redirect(await open_payout_account.refresh_onboarding(context, link=link), status_code=303)


@get("/payouts")
async def payouts(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[PayoutFact]:
    """What was paid, is being paid, or was put off and why, newest first."""
    bound = f"payouts:{person.account_id}"
    rows = await list_payouts.list_payouts(
        context, creator_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/payouts/waiting")
async def waiting(person: NamedDependency[Person], context: NamedDependency[Context]) -> Page[Waiting]:
    """What of the balance is not being paid yet, by reason. Below zero it is a debt."""
    return Page(data=await list_payouts.list_waiting(context, creator_id=person.account_id))


@get("/earnings/statements")
async def statements(
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    tz: FromQuery[str] = "UTC",
) -> Page[MonthSummary]:
    """A month after the other, newest first; months begin in the time zone ``tz``."""
    zone = _zone(tz)
    bound = f"statements:{person.account_id}:{zone.key}"
    before = place_of(page, bound, _month)
    rows = await read_statements.list_statements(
        context, creator_id=person.account_id, tz=zone, before=before, limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.month)


@get(
    "/earnings/statements/{month:str}",
    **tabled(Statement),
)
async def statement(
    month: Annotated[str, PathParameter(schema_extra=MONTH)],
    request: Request[Any, Any, Any],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    tz: FromQuery[str] = "UTC",
    format: FromQuery[Literal["json", "csv"] | None] = None,
) -> Response[Any]:
    """The month ``YYYY-MM``: opening balance, every line, closing balance. CSV by Accept or ``format``."""
    found = await read_statements.read_statement(
        context, creator_id=person.account_id, month=_month(month), tz=_zone(tz)
    )
    if not wants_csv(request, format):
        return Response(found)
    rows: list[tuple[object, ...]] = []
    for one in found.balances:
        rows.append((found.start.isoformat(), "opening", one.opening, one.currency, "", "", "", ""))
    for line in found.lines:
        source = (line.source_type, line.source_id, line.sale_id, line.id)
        rows.append((line.at.isoformat(), line.kind, line.amount, line.currency, *source))
    for one in found.balances:
        rows.append((found.end.isoformat(), "closing", one.closing, one.currency, "", "", "", ""))
    return csv_response(LINE, rows, name=f"statement-{found.month}.csv")


@get("/pricing/net")
async def pricing(
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    amount: FromQuery[int],
    currency: Annotated[str, QueryParameter(schema_extra={"pattern": "^[A-Za-z]{3}$"})],
    interval: FromQuery[Literal["month", "year", "once"]] = "month",
) -> PriceNet:
    """What one payment at this price comes to after fees and take, and a year of them."""
    try:
        price = Money(amount, currency.lower())
    except ValueError as error:
        raise InvalidInput(("currency", str(error))) from None
    return await price_net.price_net(context, creator_id=person.account_id, price=price, interval=interval)


def _month(text: str) -> date:
    """Raises ``InvalidInput``."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise InvalidInput(("month", "must be a month as YYYY-MM")) from None
    if not 2000 <= found.year <= 9998:
        raise InvalidInput(("month", "must be between the years 2000 and 9998"))
    return found


def _zone(name: str) -> ZoneInfo:
    """Raises ``InvalidInput``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(("tz", "must be a time zone as in the IANA database: Asia/Shanghai")) from None


handlers = [
    *(open_account, read_account, locate, follow),
    *(payouts, waiting, statements, statement, pricing),
]
