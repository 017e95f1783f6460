"""An organization's invoices, opened down to the calls on each line."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from billing.money import Money
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, place_of, position_of
from service.usecases import read_invoices
from service.usecases.context import Context
from service.usecases.read_invoices import LineEvent, Statement, StatementLine


class Invoice(msgspec.Struct, kw_only=True):
    """`status` is Stripe's word; a `draft` still takes usage of its period, until `finalizes_at`."""

    id: UUID
    status: str
    total: Money
    tax: Money
    amount_due: Money
    amount_paid: Money
    period_start: datetime
    period_end: datetime
    finalizes_at: datetime | None
    finalized_at: datetime | None
    hosted_url: str | None
    created_at: datetime

    @classmethod
    def of(cls, fact: Statement) -> "Invoice":
        return cls(**_fields(fact))


class Line(msgspec.Struct, kw_only=True):
    """`quantity` units of the meter, `included` of them free; `late` ones are of an earlier period."""

    id: UUID
    meter: str
    description: str
    quantity: int
    included: int
    amount: Money
    late: bool
    period_start: datetime
    period_end: datetime

    @classmethod
    def of(cls, fact: StatementLine) -> "Line":
        names = [name for name in cls.__struct_fields__ if name != "amount"]
        return cls(amount=Money(fact.amount, fact.currency), **{name: getattr(fact, name) for name in names})


class WholeInvoice(Invoice, kw_only=True):
    """A draft has no lines yet; see the invoice preview."""

    lines: list[Line]


MONEY = frozenset({"total", "tax", "amount_due", "amount_paid"})


def _fields(fact: Statement) -> dict[str, Any]:
    return {
        name: Money(getattr(fact, name), fact.currency) if name in MONEY else getattr(fact, name)
        for name in Invoice.__struct_fields__
    }


@get("/organizations/{organization_id:uuid}/invoices")
async def list_invoices(
    organization_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[Invoice]:
    """The organization's invoices, newest first."""
    bound = f"invoices {organization_id} {person.account_id}"
    rows = await read_invoices.list_invoices(
        context,
        organization_id=organization_id,
        account_id=person.account_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged([Invoice.of(row) for row in rows], page, bound, position=lambda row: row.id)


@get("/organizations/{organization_id:uuid}/invoices/{invoice_id:uuid}")
async def get_invoice(
    organization_id: FromPath[UUID],
    invoice_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> WholeInvoice:
    """One invoice with its lines."""
    fact = await read_invoices.read_invoice(
        context, organization_id=organization_id, account_id=person.account_id, invoice_id=invoice_id
    )
    return WholeInvoice(lines=[Line.of(line) for line in fact.lines], **_fields(fact.invoice))


@get("/organizations/{organization_id:uuid}/invoices/{invoice_id:uuid}/lines/{line_id:uuid}/events")
async def list_events(
    organization_id: FromPath[UUID],
    invoice_id: FromPath[UUID],
    line_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[LineEvent]:
    """The calls on one line, oldest first; their units sum to the line's quantity."""
    bound = f"invoice events {line_id} {person.account_id}"
    rows = await read_invoices.list_line_events(
        context,
        organization_id=organization_id,
        account_id=person.account_id,
        invoice_id=invoice_id,
        line_id=line_id,
        after=place_of(page, bound, lambda at, call_id: (datetime.fromisoformat(at), UUID(call_id))),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: (row.at, row.call_id))


handlers = [list_invoices, get_invoice, list_events]
