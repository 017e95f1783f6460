"""The usage that an invoice bills, put on it: each part of a call on one invoice, and never on another.

Which calls an invoice bills is known from its lines (``billing/metering``). What accrued for them is summed
by creator, knowledge base, meter and month, and there the limits apply.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.shares.limits import Accrued, Limits, concentrated, spread
from billing.shares.tables import share_invoice, share_line

Status = Literal["open", "carried", "paid", "written_off"]


@dataclass(frozen=True)
class ShareLine:
    """Of one invoice, one creator's of one knowledge base, meter and month of usage. Minor units.

    ``amount`` was billed, and ``accrued`` of it is the creator's, but for what is ``concentrated``; ``own``
    would have accrued too, had it not been of the creator's own organization.
    """

    creator_id: UUID
    knowledge_base_id: UUID
    meter: str
    month: date
    units: int
    amount: int
    accrued: int
    own: int
    concentrated: int = 0

    @property
    def granted(self) -> int:
        return self.accrued - self.concentrated


@dataclass(frozen=True)
class SharedInvoice:
    """An invoice with all usage on it. ``invoiced`` is its ``total`` less tax; ``billed`` what our events
    come to: they differ by discounts and lines that are no usage. ``carried`` is asked for with it."""

    id: UUID
    status: Status
    billed: int
    invoiced: int
    total: int
    carried: int
    lines: tuple[ShareLine, ...]

    @property
    def granted(self) -> dict[UUID, int]:
        """What is each creator's once the invoice is paid in full."""
        sums: defaultdict[UUID, int] = defaultdict(int)
        for line in self.lines:
            sums[line.creator_id] += line.granted
        return dict(sums)


async def claim(
    session: AsyncSession,
    *,
    id: UUID,
    stripe_invoice_id: str,
    organization_id: UUID,
    currency: str,
    total: int,
    tax: int,
    carried: int,
    start: datetime,
    end: datetime,
    limits: Limits,
) -> SharedInvoice:
    """Puts on the invoice what it bills and is on none yet, and returns all that is on it.

    ``carried`` is what it asks for beside its ``total``. ``[start, end)`` is its period: calls from before
    bills were matched line by line are on it by their time. Nothing is added to an invoice that was paid or
    written off.
    """
    asked = {"invoiced": total - tax, "total": total, "carried": carried}
    await session.execute(
        insert(share_invoice)
        .values(
            id=id,
            stripe_invoice_id=stripe_invoice_id,
            organization_id=organization_id,
            currency=currency,
            status="open",
            **asked,
        )
        .on_conflict_do_nothing(constraint="share_invoice_stripe_unique")
    )
    found = (
        await session.execute(
            sa.select(share_invoice.c.id, share_invoice.c.status)
            .where(share_invoice.c.stripe_invoice_id == stripe_invoice_id)
            .with_for_update()
        )
    ).one()
    if found.status == "open":
        values = {
            "id": found.id,
            "stripe_invoice_id": stripe_invoice_id,
            "organization_id": organization_id,
            "currency": currency,
            "start": start,
            "end": end,
        }
        taken = [
            ShareLine(*row)
            for statement in (_TAKE_STANDARD, _TAKE_ON_TOP)
            for row in await session.execute(statement, values)
        ]
        lines = await _limited(session, organization_id, currency, taken, limits)
        await _keep(session, found.id, asked, lines)
    return await read(session, found.id)


async def _limited(
    session: AsyncSession,
    organization_id: UUID,
    currency: str,
    taken: Sequence[ShareLine],
    limits: Limits,
) -> list[ShareLine]:
    together: defaultdict[tuple[UUID, date], list[ShareLine]] = defaultdict(list)
    for line in sorted(taken, key=lambda line: (line.knowledge_base_id, line.meter)):
        together[line.creator_id, line.month].append(line)
    limited = []
    for (creator_id, month), lines in together.items():
        now = sum(line.accrued for line in lines)
        values = {
            "organization_id": organization_id,
            "creator_id": creator_id,
            "currency": currency,
            "month": month,
        }
        before = (await session.execute(_BEFORE, values)).one()
        over = 0
        if int(before.accrued) + now > limits.untouched:
            elsewhere = int((await session.execute(_EVERYWHERE, values)).scalar_one())
            accrued = Accrued(int(before.accrued), int(before.left), now, elsewhere + now)
            over = concentrated(accrued, limits)
        parts = spread(over, [line.accrued for line in lines])
        limited += [replace(line, concentrated=part) for line, part in zip(lines, parts, strict=True)]
    return limited


async def _keep(
    session: AsyncSession, invoice_id: UUID, asked: Mapping[str, int], lines: Sequence[ShareLine]
) -> None:
    if lines:
        added = insert(share_line)
        sums = ("units", "amount", "accrued", "own", "concentrated")
        await session.execute(
            added.on_conflict_do_update(
                index_elements=["invoice_id", "creator_id", "knowledge_base_id", "meter", "month"],
                set_={name: share_line.c[name] + added.excluded[name] for name in sums},
            ),
            [{"invoice_id": invoice_id, **line.__dict__} for line in lines],
        )
    await session.execute(
        sa.update(share_invoice)
        .where(share_invoice.c.id == invoice_id)
        .values(billed=share_invoice.c.billed + sum(line.amount for line in lines), **asked)
    )


async def read(session: AsyncSession, invoice_id: UUID) -> SharedInvoice:
    """The invoice, which is there, and its lines."""
    columns = [share_line.c[name] for name in ShareLine.__dataclass_fields__]
    rows = await session.execute(
        sa.select(*columns).where(share_line.c.invoice_id == invoice_id).order_by(*columns[:4])
    )
    lines = tuple(ShareLine(*row) for row in rows)
    row = await session.execute(
        sa.select(
            share_invoice.c.status,
            share_invoice.c.billed,
            share_invoice.c.invoiced,
            share_invoice.c.total,
            share_invoice.c.carried,
        ).where(share_invoice.c.id == invoice_id)
    )
    found = row.one()
    return SharedInvoice(
        invoice_id, found.status, found.billed, found.invoiced, found.total, found.carried, lines
    )


# The calls of the invoice's lines are those with a mark in the lines' slices.
_CALLS = """
  SELECT e.call_id, e.month
  FROM metered_invoice i
  JOIN invoice_line l ON l.invoice_id = i.id
  JOIN invoice_slice s ON s.line_id = l.id
  JOIN usage_event e ON e.organization_id = s.organization_id
    AND e.at >= s.hour AND e.at < s.hour + interval '1 hour'
  WHERE i.stripe_invoice_id = :stripe_invoice_id AND e.currency = :currency
"""
_TAKE_STANDARD = sa.text(
    f"""
    WITH calls AS ({_CALLS} AND e.meter = s.meter AND e.mark > s.from_mark AND e.mark <= s.to_mark
      UNION ALL
      SELECT call_id, month FROM usage_event
      WHERE organization_id = :organization_id AND at >= :start AND at < :end AND currency = :currency
        AND mark IS NULL
    ), taken AS (
      UPDATE usage_share SET invoice_id = :id FROM calls
      WHERE usage_share.call_id = calls.call_id AND usage_share.month = calls.month AND invoice_id IS NULL
      RETURNING usage_share.*
    )
    SELECT creator_id, knowledge_base_id, meter, month, sum(units)::bigint, sum(amount - on_top)::bigint,
           sum(accrued - on_top_accrued)::bigint, sum(withheld - on_top_withheld)::bigint
    FROM taken GROUP BY 1, 2, 3, 4
    """  # noqa: S608 - put together from the constant above
)
_TAKE_ON_TOP = sa.text(
    f"""
    WITH calls AS ({_CALLS} AND s.meter = 'creator_prices'
      AND e.on_top_mark > s.from_mark AND e.on_top_mark - e.on_top < s.to_mark
      UNION ALL
      SELECT call_id, month FROM usage_event
      WHERE organization_id = :organization_id AND at >= :start AND at < :end AND currency = :currency
        AND mark IS NULL
    ), taken AS (
      UPDATE usage_share SET on_top_invoice_id = :id FROM calls
      WHERE usage_share.call_id = calls.call_id AND usage_share.month = calls.month AND on_top > 0
        AND on_top_invoice_id IS NULL
      RETURNING usage_share.*
    )
    SELECT creator_id, knowledge_base_id, 'creator_prices', month, sum(on_top)::bigint, sum(on_top)::bigint,
           sum(on_top_accrued)::bigint, sum(on_top_withheld)::bigint
    FROM taken GROUP BY 1, 2, 4
    """  # noqa: S608 - put together from the constant above
)
_BEFORE = sa.text(
    """
    SELECT coalesce(sum(accrued), 0) AS accrued, coalesce(sum(accrued - concentrated), 0) AS left
    FROM share_line JOIN share_invoice ON share_invoice.id = invoice_id
    WHERE creator_id = :creator_id AND month = :month AND organization_id = :organization_id
      AND currency = :currency
    """
)
# What is being put on an invoice now is in neither.
_EVERYWHERE = sa.text(
    """
    SELECT coalesce((
      SELECT sum(accrued) FROM share_line JOIN share_invoice ON share_invoice.id = invoice_id
      WHERE creator_id = :creator_id AND month = :month AND currency = :currency
    ), 0) + coalesce((
      SELECT sum(accrued - on_top_accrued) FROM usage_share
      WHERE creator_id = :creator_id AND month = :month AND currency = :currency AND invoice_id IS NULL
    ), 0) + coalesce((
      SELECT sum(on_top_accrued) FROM usage_share
      WHERE creator_id = :creator_id AND month = :month AND currency = :currency AND on_top > 0
        AND on_top_invoice_id IS NULL
    ), 0)
    """
)
