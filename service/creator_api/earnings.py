"""Earnings: what was earned, what it cost, what is payable, and where it is paid."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from service.creator_api.schemas import PayoutAccountBody
from service.http.inputs import InvalidInput
from service.http.login import Person
from service.http.paging import Page, PageRequest, decode_cursor, encode_cursor
from service.platform.idempotency import Once
from service.usecases import open_payout_account, read_earnings
from service.usecases.context import Context
from service.usecases.open_payout_account import Onboarding
from service.usecases.read_earnings import Analytics, Earnings, Line, SaleFact, TipFact

From = Annotated[str | None, QueryParameter(name="from", description="From here on: a time or a date (UTC).")]
To = Annotated[str | None, QueryParameter(name="to", description="Before this: a time or a date (UTC).")]
EARLIEST = 2000
LATEST = 9998


@post("/payout-account")
async def open_account(
    data: JSONBody[PayoutAccountBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Onboarding:
    """The page where the creator tells Stripe who they are. Sales may start before it is done."""
    return await open_payout_account.open_payout_account(
        context, account_id=person.account_id, return_url=data.return_url, once=once
    )


@get("/earnings")
async def earnings(
    person: NamedDependency[Person], context: NamedDependency[Context], since: From = None, until: To = None
) -> Earnings:
    """Payable is earned − fees − refunded − paid."""
    start, end = _period(since, until)
    return await read_earnings.read_earnings(context, creator_id=person.account_id, start=start, end=end)


@get("/earnings/transfers")
async def transfers(
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    since: From = None,
    until: To = None,
) -> Page[Line]:
    """The ledger's lines behind the balances, newest first; what is payable grows by each amount."""
    start, end = _period(since, until)
    bound = f"lines:{person.account_id}:{start}:{end}"
    before = None
    if page.cursor:
        at, id = decode_cursor(page.cursor, bound)
        before = (datetime.fromisoformat(at), str(id))
    found = await read_earnings.list_lines(
        context, creator_id=person.account_id, start=start, end=end, before=before, limit=page.limit + 1
    )
    shown = found[: page.limit]
    more = len(found) > page.limit
    return Page(data=shown, next_cursor=encode_cursor([shown[-1].at, shown[-1].id], bound) if more else None)


@get("/sales")
async def sales(
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    since: From = None,
    until: To = None,
) -> Page[SaleFact]:
    """Each payment with its split and fees, newest first."""
    start, end = _period(since, until)
    bound = f"sales:{person.account_id}:{start}:{end}"
    before = UUID(decode_cursor(page.cursor, bound)[0]) if page.cursor else None
    found = await read_earnings.list_sales(
        context, creator_id=person.account_id, start=start, end=end, before=before, limit=page.limit + 1
    )
    shown = found[: page.limit]
    more = len(found) > page.limit
    return Page(data=shown, next_cursor=encode_cursor([shown[-1].id], bound) if more else None)


@get("/tips")
async def tips(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[TipFact]:
    """Tips received, newest first; anonymous ones are from nobody."""
    bound = f"tips:{person.account_id}"
    before = UUID(decode_cursor(page.cursor, bound)[0]) if page.cursor else None
    found = await read_earnings.list_tips(
        context, creator_id=person.account_id, before=before, limit=page.limit + 1
    )
    shown = found[: page.limit]
    more = len(found) > page.limit
    return Page(data=shown, next_cursor=encode_cursor([shown[-1].id], bound) if more else None)


@get("/analytics")
async def analytics(
    person: NamedDependency[Person], context: NamedDependency[Context], since: From = None, until: To = None
) -> Analytics:
    """Of the last thirty days, or of the time given."""
    start, end = _period(since, until)
    return await read_earnings.read_analytics(context, creator_id=person.account_id, start=start, end=end)


def _period(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    start, end = _moment("from", since), _moment("to", until)
    if start is not None and end is not None and end <= start:
        raise InvalidInput(("to", "must be later than from"))
    return start, end


def _moment(name: str, value: str | None) -> datetime | None:
    """RFC 3339, or a date alone, which means its first instant; UTC where no offset is given."""
    if value is None:
        return None
    try:
        # A plus sign that was not escaped arrives as a space.
        moment = datetime.fromisoformat(value.strip().replace(" ", "+") if "T" in value else value)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput((name, "must be a time (RFC 3339) or a date")) from None
    if not EARLIEST <= moment.year <= LATEST:
        raise InvalidInput((name, f"must be between the years {EARLIEST} and {LATEST}"))
    return moment


handlers = [open_account, earnings, transfers, sales, tips, analytics]
