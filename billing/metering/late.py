"""Usage that came too late for its period's invoice: it goes on the next one, as an item of its own.

The line and its slices are written before the processor is asked for the item, so that what is asked for
again is the same; the item carries the line's id, by which one that was made unnoticed is found.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering.invoices import Slice, slice_up
from billing.metering.tables import invoice_line


@dataclass(frozen=True, slots=True)
class LateLine:
    """A line that has no item at the processor yet; ``attempts`` may have been made to give it one."""

    id: UUID
    customer_id: str
    description: str
    amount: int
    currency: str
    period_start: datetime
    period_end: datetime
    attempts: int


# Hours of a period whose invoice is final, or of a contract that ended with none, once no call of theirs can
# still be running.
_LATE = sa.text(
    """
    SELECT b.organization_id, b.meter, date_trunc('month', b.hour, 'UTC') AS month, b.hour, b.billed, b.total
    FROM usage_bucket b JOIN contract c ON c.organization_id = b.organization_id
    WHERE b.due AND b.rejected IS NULL AND b.total > b.billed AND c.stripe_customer_id IS NOT NULL
      AND b.hour < zhihao_now() - interval '1 hour' - CAST(:longest AS interval)
      AND NOT (c.status = ANY(:running) AND b.hour >= date_trunc('hour', c.current_period_start, 'UTC'))
      AND CASE WHEN EXISTS (
            SELECT FROM metered_invoice i WHERE i.organization_id = b.organization_id
              AND b.hour >= date_trunc('hour', i.period_start, 'UTC') AND b.hour < i.period_end
              AND i.lined_at IS NOT NULL)
          THEN true
          ELSE c.status = ANY(:ended) AND c.updated_at < zhihao_now() - CAST(:grace AS interval) END
    ORDER BY b.organization_id, b.meter, b.hour LIMIT :limit
    FOR NO KEY UPDATE OF b SKIP LOCKED
    """
)

_TERMS = sa.text(
    """
    SELECT coalesce(sum(b.billed), 0)::bigint AS billed, max(c.price_passages) AS price_passages,
           max(c.price_answers) AS price_answers, max(c.included_passages) AS included_passages,
           max(c.included_answers) AS included_answers
    FROM contract c LEFT JOIN usage_bucket b ON b.organization_id = c.organization_id AND b.meter = :meter
      AND b.hour >= :month AND b.hour < :month + interval '1 month'
    WHERE c.organization_id = :organization_id
    """
)

_TAKEN = sa.text(
    """
    UPDATE usage_bucket b SET billed = m.mark, due = false
    FROM unnest(CAST(:hours AS timestamptz[]), CAST(:marks AS bigint[])) AS m (hour, mark)
    WHERE b.organization_id = :organization_id AND b.meter = :meter AND b.hour = m.hour
    """
)

_WAITING = sa.text(
    """
    UPDATE invoice_line l SET attempts = l.attempts + 1
    FROM (
      SELECT w.id, c.stripe_customer_id FROM invoice_line w JOIN contract c USING (organization_id)
      WHERE w.late AND w.invoice_id IS NULL AND w.stripe_item_id IS NULL AND w.amount > 0
        AND c.stripe_customer_id IS NOT NULL
      ORDER BY w.created_at LIMIT :limit FOR NO KEY UPDATE OF w SKIP LOCKED
    ) waiting
    WHERE l.id = waiting.id
    RETURNING l.id, waiting.stripe_customer_id, l.description, l.amount, l.currency, l.period_start,
              l.period_end, l.attempts - 1
    """
)


_ALONE = sa.text(
    """
    SELECT l.organization_id, c.stripe_customer_id, min(l.id::text)::uuid
    FROM invoice_line l JOIN contract c USING (organization_id)
    WHERE l.late AND l.invoice_id IS NULL AND l.stripe_item_id IS NOT NULL AND l.own_invoice_id IS NULL
      AND c.status = ANY(:ended) AND c.stripe_customer_id IS NOT NULL
    GROUP BY l.organization_id, c.stripe_customer_id ORDER BY 1 LIMIT :limit
    """
)


@dataclass(frozen=True, slots=True)
class Alone:
    """Late usage of a contract that has ended: no invoice will take its items. ``line_id`` is one of them."""

    organization_id: UUID
    customer_id: str
    line_id: UUID


@dataclass(frozen=True, slots=True)
class Terms:
    """What a unit of each meter costs and how many a month are included, where the contract does not say."""

    currency: str
    price_passages: int
    price_answers: int
    included_passages: int
    included_answers: int


def cost(units: int, price: int, included: int) -> int:
    """What a month's units come to, in minor units."""
    return max(units - included, 0) * price


async def intend(
    session: AsyncSession,
    *,
    new_id: Callable[[], UUID],
    terms: Terms,
    longest_seconds: int,
    grace_hours: int,
    limit: int,
    running: Sequence[str],
    ended: Sequence[str],
) -> int:
    """Puts late usage on lines of its own, one for each organization, meter and month; returns how many.

    A line costs what its units add to the month's: included ones that were not used up are used first.
    """
    rows = await session.execute(
        _LATE,
        {
            "longest": f"{longest_seconds} seconds",
            "grace": f"{grace_hours} hours",
            "limit": limit,
            "running": list(running),
            "ended": list(ended),
        },
    )
    groups: defaultdict[tuple[UUID, str, datetime], list[Slice]] = defaultdict(list)
    for row in rows:
        groups[row.organization_id, row.meter, row.month].append(Slice(row.hour, row.billed, row.total))
    for (organization_id, meter, month), slices in groups.items():
        await _line(session, new_id(), organization_id, meter, month, slices, terms)
    return len(groups)


async def _line(
    session: AsyncSession,
    id: UUID,
    organization_id: UUID,
    meter: str,
    month: datetime,
    slices: Sequence[Slice],
    terms: Terms,
) -> None:
    where = {"organization_id": organization_id, "meter": meter}
    agreed = (await session.execute(_TERMS, where | {"month": month})).one()
    price, included = 1, 0
    if meter != "creator_prices":
        price = getattr(agreed, f"price_{meter}")
        price = getattr(terms, f"price_{meter}") if price is None else price
        included = getattr(agreed, f"included_{meter}")
        included = getattr(terms, f"included_{meter}") if included is None else included
    quantity = sum(one.to_mark - one.from_mark for one in slices)
    before, after = int(agreed.billed), int(agreed.billed) + quantity
    await session.execute(
        sa.insert(invoice_line).values(
            id=id,
            invoice_id=None,
            late=True,
            description=f"Zhihao API: {meter}, {quantity} of {month:%Y-%m}",
            quantity=quantity,
            included=min(after, included) - min(before, included),
            amount=cost(after, price, included) - cost(before, price, included),
            currency=terms.currency,
            period_start=slices[0].hour,
            period_end=slices[-1].hour,
            created_at=sa.func.zhihao_now(),
            **where,
        )
    )
    await slice_up(session, organization_id, meter, id, slices)
    marks = {"hours": [one.hour for one in slices], "marks": [one.to_mark for one in slices]}
    await session.execute(_TAKEN, where | marks)


async def waiting(session: AsyncSession, *, limit: int) -> list[LateLine]:
    """Lines that are to be given an item, counted as tried; to be committed before they are."""
    return [LateLine(*row) for row in await session.execute(_WAITING, {"limit": limit})]


async def placed(session: AsyncSession, line_id: UUID, *, item_id: str) -> None:
    """The processor has the line's item."""
    await session.execute(
        sa.update(invoice_line).where(invoice_line.c.id == line_id).values(stripe_item_id=item_id)
    )


async def alone(session: AsyncSession, *, ended: Sequence[str], limit: int) -> list[Alone]:
    """Organizations whose waiting items need an invoice of their own."""
    return [Alone(*row) for row in await session.execute(_ALONE, {"ended": list(ended), "limit": limit})]


async def billed_alone(session: AsyncSession, one: Alone, *, stripe_invoice_id: str) -> None:
    """The processor has made that invoice."""
    await session.execute(
        sa.update(invoice_line)
        .where(
            invoice_line.c.organization_id == one.organization_id,
            invoice_line.c.late,
            invoice_line.c.invoice_id.is_(None),
            invoice_line.c.stripe_item_id.is_not(None),
        )
        .values(own_invoice_id=stripe_invoice_id)
    )
