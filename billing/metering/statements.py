"""Invoices as they are shown: their lines, and each line's calls."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.metering.tables import invoice_line, metered_invoice

Reader = AsyncSession | AsyncConnection


class InvoiceNotFound(Exception):
    """The organization has no such invoice, or the invoice no such line."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """What one meter came to: ``quantity`` units, ``included`` of them free. ``late`` usage is of a period
    whose own invoice was final when it arrived. ``creator_prices`` is counted in minor units."""

    id: UUID
    meter: str
    description: str
    quantity: int
    included: int
    amount: int
    currency: str
    late: bool
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True)
class Statement:
    """``status`` in Stripe's words. A draft still takes usage of its period, until ``finalizes_at``."""

    id: UUID
    status: str
    currency: str
    total: int
    tax: int
    amount_due: int
    amount_paid: int
    period_start: datetime
    period_end: datetime
    finalizes_at: datetime | None
    finalized_at: datetime | None
    hosted_url: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LineEvent:
    """One call on a line: the units of it that the line charges for."""

    call_id: UUID
    at: datetime
    key_id: UUID
    meter: str
    units: int


_STATEMENT = [metered_invoice.c[name] for name in Statement.__dataclass_fields__]
_LINE = [invoice_line.c[name] for name in StatementLine.__dataclass_fields__]


async def listed(
    session: Reader, organization_id: UUID, *, before: UUID | None, limit: int
) -> list[Statement]:
    """The organization's invoices, newest first, from below ``before``."""
    query = sa.select(*_STATEMENT).where(metered_invoice.c.organization_id == organization_id)
    if before is not None:
        query = query.where(metered_invoice.c.id < before)
    rows = await session.execute(query.order_by(metered_invoice.c.id.desc()).limit(limit))
    return [Statement(*row) for row in rows]


async def find(session: Reader, organization_id: UUID, invoice_id: UUID) -> Statement:
    """Raises ``InvoiceNotFound``."""
    query = sa.select(*_STATEMENT).where(
        metered_invoice.c.organization_id == organization_id, metered_invoice.c.id == invoice_id
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise InvoiceNotFound("no such invoice")
    return Statement(*row)


async def lines_of(session: Reader, invoice_id: UUID) -> list[StatementLine]:
    """The invoice's lines, once it is final."""
    query = sa.select(*_LINE).where(invoice_line.c.invoice_id == invoice_id).order_by(invoice_line.c.id)
    return [StatementLine(*row) for row in await session.execute(query)]


async def line_of(session: Reader, organization_id: UUID, invoice_id: UUID, line_id: UUID) -> StatementLine:
    """Raises ``InvoiceNotFound``."""
    query = sa.select(*_LINE).where(
        invoice_line.c.organization_id == organization_id,
        invoice_line.c.invoice_id == invoice_id,
        invoice_line.c.id == line_id,
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise InvoiceNotFound("no such line")
    return StatementLine(*row)


# An event holds the stretch of its bucket that ends at its mark; the line has what of it is in its slices.
_EVENTS = sa.text(
    """
    SELECT e.call_id, e.at, e.key_id, e.meter,
      CASE WHEN s.meter = 'creator_prices'
        THEN least(e.on_top_mark, s.to_mark) - greatest(e.on_top_mark - e.on_top, s.from_mark)
        ELSE least(e.mark, s.to_mark) - greatest(e.mark - e.units, s.from_mark) END AS units
    FROM invoice_slice s JOIN usage_event e ON e.organization_id = s.organization_id
      AND e.at >= s.hour AND e.at < s.hour + interval '1 hour'
      AND e.month = date_trunc('month', s.hour AT TIME ZONE 'UTC')::date
    WHERE s.line_id = :line_id
      AND CASE WHEN s.meter = 'creator_prices'
        THEN e.on_top > 0 AND e.on_top_mark > s.from_mark AND e.on_top_mark - e.on_top < s.to_mark
        ELSE e.meter = s.meter AND e.mark > s.from_mark AND e.mark - e.units < s.to_mark END
      AND (CAST(:at AS timestamptz) IS NULL OR (
        s.hour >= date_trunc('hour', CAST(:at AS timestamptz), 'UTC') AND (e.at, e.call_id) > (:at, :call)))
    ORDER BY e.at, e.call_id LIMIT :limit
    """
).bindparams(sa.bindparam("at", type_=sa.DateTime(timezone=True)), sa.bindparam("call", type_=sa.Uuid))


async def events_of(
    session: Reader, line_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[LineEvent]:
    """The line's calls in the order they were admitted, from above ``after``; units sum to its quantity."""
    at, call = after or (None, None)
    rows = await session.execute(_EVENTS, {"line_id": line_id, "at": at, "call": call, "limit": limit})
    return [LineEvent(*row) for row in rows]
