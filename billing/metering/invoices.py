"""Invoices of organizations, and which of our usage is on each of their lines.

The processor counts what it was told of a period; we know what we told it, hour by hour. When an invoice is
final, its quantities are matched with our hours once: each hour's part on it is a slice, and an event belongs
to the line whose slice has its mark. What arrived too late for it stays unbilled, and goes on the next one
(``late``).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering.settling import hour_of
from billing.metering.tables import invoice_line, invoice_slice, metered_invoice, usage_bucket
from billing.processor.port import InvoiceLine, InvoiceSnapshot

FINAL = frozenset({"open", "paid", "uncollectible"})


@dataclass(frozen=True, slots=True)
class Hour:
    """A bucket: how much of it was billed before, arrived, is on its way, and there is."""

    hour: datetime
    billed: int
    arrived: int
    intended: int
    total: int


@dataclass(frozen=True, slots=True)
class Slice:
    """The part ``(from_mark, to_mark]`` of an hour's bucket."""

    hour: datetime
    from_mark: int
    to_mark: int


@dataclass(frozen=True, slots=True)
class Kept:
    """An invoice's id here and its period; whether its lines wait to be matched with our usage, and whether
    it has just been paid, or failed to be."""

    id: UUID
    period_start: datetime
    period_end: datetime
    unmatched: bool
    now_paid: bool
    now_failed: bool


_PERIOD = (metered_invoice.c.period_start, metered_invoice.c.period_end)


def matched(hours: Sequence[Hour], quantity: int) -> tuple[list[Slice], int]:
    """The slices of ``hours`` that make up ``quantity``, and how much of it they cannot account for.

    ``hours`` are in the order in which they arrived. What is known to have arrived counts first, then what
    may have, then what there is.
    """
    marks = {hour.hour: hour.billed for hour in hours}
    for name in ("arrived", "intended", "total"):
        for hour in hours:
            more = min(quantity, max(getattr(hour, name) - marks[hour.hour], 0))
            marks[hour.hour] += more
            quantity -= more
    slices = [Slice(h.hour, h.billed, marks[h.hour]) for h in hours if marks[h.hour] > h.billed]
    return slices, quantity


async def keep(
    session: AsyncSession,
    *,
    id: UUID,
    organization_id: UUID,
    invoice: InvoiceSnapshot,
    usage: Sequence[InvoiceLine],
) -> Kept:
    """Writes what the invoice is now. ``usage`` are its lines of metered prices, whose period is its own."""
    query = sa.select(metered_invoice.c.status, metered_invoice.c.attempted)
    mine = metered_invoice.c.stripe_invoice_id == invoice.id
    before = (await session.execute(query.where(mine).with_for_update())).one_or_none()
    said = {
        "status": invoice.status,
        "total": invoice.total,
        "tax": invoice.tax,
        "amount_due": invoice.amount_due,
        "amount_paid": invoice.amount_paid,
        "finalizes_at": invoice.finalizes_at,
        "finalized_at": invoice.finalized_at,
        "hosted_url": invoice.hosted_url,
        "attempted": invoice.attempted,
    }
    row = await session.execute(
        insert(metered_invoice)
        .values(
            id=id,
            organization_id=organization_id,
            stripe_invoice_id=invoice.id,
            currency=invoice.currency,
            period_start=min((line.period_start for line in usage), default=invoice.period_start),
            period_end=max((line.period_end for line in usage), default=invoice.period_end),
            created_at=sa.func.zhihao_now(),
            **said,
        )
        .on_conflict_do_update(constraint="metered_invoice_stripe_unique", set_=said)
        .returning(metered_invoice.c.id, metered_invoice.c.lined_at, *_PERIOD)
    )
    kept = row.one()
    failed = invoice.status == "open" and invoice.attempted
    return Kept(
        id=kept.id,
        period_start=kept.period_start,
        period_end=kept.period_end,
        unmatched=kept.lined_at is None and invoice.status in FINAL,
        now_paid=invoice.status == "paid" and (before is None or before.status != "paid"),
        now_failed=failed and (before is None or not before.attempted),
    )


async def line_up(
    session: AsyncSession,
    *,
    new_id: Callable[[], UUID],
    invoice_id: UUID,
    organization_id: UUID,
    invoice: InvoiceSnapshot,
    meter_prices: Mapping[str, str],
) -> int:
    """Writes the final invoice's lines and which usage is on them; returns how many units it cannot find.

    The tiers of one price are one line. Late usage finds its line by its item.
    """
    groups: defaultdict[tuple[str, datetime, datetime], list[InvoiceLine]] = defaultdict(list)
    for line in invoice.lines:
        if line.item_id is not None:
            await _attach(session, invoice_id, line.item_id)
        elif meter := meter_prices.get(line.price_id or ""):
            groups[meter, line.period_start, line.period_end].append(line)
    missing = 0
    for (meter, start, end), lines in sorted(groups.items()):
        quantity = sum(line.quantity or 0 for line in lines)
        amount = sum(line.amount for line in lines)
        hours = await _hours(session, organization_id, meter, start, end)
        slices, difference = matched(hours, quantity)
        missing += difference
        if not quantity and not amount:
            await _billed(session, organization_id, meter, hours, {})
            continue
        id = new_id()
        await session.execute(
            sa.insert(invoice_line).values(
                id=id,
                organization_id=organization_id,
                invoice_id=invoice_id,
                meter=meter,
                late=False,
                description=lines[-1].description,
                quantity=quantity,
                included=sum(line.quantity or 0 for line in lines if not line.amount),
                amount=amount,
                currency=invoice.currency,
                period_start=start,
                period_end=end,
                difference=difference,
                created_at=sa.func.zhihao_now(),
            )
        )
        await slice_up(session, organization_id, meter, id, slices)
        await _billed(session, organization_id, meter, hours, {one.hour: one.to_mark for one in slices})
    await session.execute(
        sa.update(metered_invoice)
        .where(metered_invoice.c.id == invoice_id)
        .values(lined_at=sa.func.zhihao_now())
    )
    return missing


async def slice_up(
    session: AsyncSession, organization_id: UUID, meter: str, line_id: UUID, slices: Sequence[Slice]
) -> None:
    """Puts these parts of the meter's hours on the line."""
    rows = [
        {
            "organization_id": organization_id,
            "meter": meter,
            "line_id": line_id,
            "hour": one.hour,
            "from_mark": one.from_mark,
            "to_mark": one.to_mark,
        }
        for one in slices
    ]
    if rows:
        await session.execute(sa.insert(invoice_slice), rows)


async def _attach(session: AsyncSession, invoice_id: UUID, item_id: str) -> None:
    await session.execute(
        sa.update(invoice_line)
        .where(invoice_line.c.stripe_item_id == item_id, invoice_line.c.invoice_id.is_(None))
        .values(invoice_id=invoice_id)
    )


async def _hours(
    session: AsyncSession, organization_id: UUID, meter: str, start: datetime, end: datetime
) -> list[Hour]:
    """The period's buckets, locked in the order that settling takes them, as they arrived."""
    b = usage_bucket.c
    rows = await session.execute(
        sa.select(b.hour, b.billed, b.sent_total, b.revision_total, b.total, b.sent_at)
        .where(
            b.organization_id == organization_id,
            b.meter == meter,
            b.hour >= hour_of(start),
            b.hour < end,
        )
        .order_by(b.hour)
        .with_for_update(key_share=True)
    )
    found = sorted(rows.all(), key=lambda row: (row.sent_at is None, row.sent_at or row.hour, row.hour))
    return [
        Hour(row.hour, row.billed, row.sent_total, max(row.revision_total, row.sent_total), row.total)
        for row in found
    ]


_BILLED = sa.text(
    """
    UPDATE usage_bucket b
    SET billed = m.mark, due = b.total > m.mark, sent_revision = b.revision
    FROM unnest(CAST(:hours AS timestamptz[]), CAST(:marks AS bigint[])) AS m (hour, mark)
    WHERE b.organization_id = :organization_id AND b.meter = :meter AND b.hour = m.hour
    """
)


async def _billed(
    session: AsyncSession,
    organization_id: UUID,
    meter: str,
    hours: Sequence[Hour],
    marks: Mapping[datetime, int],
) -> None:
    """What was on its way to these hours is no use any more; what they have beyond their marks is late."""
    if hours:
        values = {
            "organization_id": organization_id,
            "meter": meter,
            "hours": [hour.hour for hour in hours],
            "marks": [marks.get(hour.hour, hour.billed) for hour in hours],
        }
        await session.execute(_BILLED, values)
