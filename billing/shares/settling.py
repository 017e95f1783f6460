"""What becomes of an invoice that usage is on: paid, carried to a later one, or never paid.

What is too small to be charged is carried: the processor counts it paid, keeps it as a debt of the customer
and asks for it with the next invoice. It is shared when that one is paid.
"""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.shares.claims import SharedInvoice, Status, read
from billing.shares.tables import share_invoice

_INVOICE = share_invoice.c


class EarlierInvoiceUnknown(Exception):
    """The invoice asks for more of earlier ones than is known here: theirs may still have to be told of."""


async def settled(session: AsyncSession, invoice_id: UUID, *, status: Status) -> None:
    """What became of the invoice, and of what it carries. What was paid stays paid; what was written off may
    still be."""
    await session.execute(
        sa.update(share_invoice)
        .where(
            sa.or_(_INVOICE.id == invoice_id, _INVOICE.carried_to == invoice_id), _INVOICE.status != "paid"
        )
        .values(status=status, settled_at=sa.func.zhihao_now())
    )


async def let_go(session: AsyncSession, invoice_id: UUID) -> None:
    """The invoice was made void: what it carried waits for another."""
    await session.execute(
        sa.update(share_invoice)
        .where(_INVOICE.carried_to == invoice_id, _INVOICE.status != "paid")
        .values(carried_to=None, status="carried")
    )


async def carried_by(
    session: AsyncSession, invoice: SharedInvoice, *, organization_id: UUID, currency: str
) -> list[SharedInvoice]:
    """The earlier invoices that this one asks for too, from now on its own.

    An invoice that asks for nothing more than its own total shows that credit met the earlier ones: they are
    written off.
    """
    waiting = sa.and_(
        _INVOICE.organization_id == organization_id,
        _INVOICE.currency == currency,
        _INVOICE.status == "carried",
        _INVOICE.carried_to.is_(None),
        _INVOICE.id != invoice.id,
    )
    if not invoice.carried:
        await session.execute(
            sa.update(share_invoice)
            .where(waiting)
            .values(status="written_off", settled_at=sa.func.zhihao_now())
        )
        return []
    await session.execute(sa.update(share_invoice).where(waiting).values(carried_to=invoice.id))
    rows = await session.execute(
        sa.select(_INVOICE.id).where(_INVOICE.carried_to == invoice.id).order_by(_INVOICE.id)
    )
    return [await read(session, id) for id in rows.scalars().all()]


def require_known(
    invoice: SharedInvoice, carried: list[SharedInvoice], *, paid_at: datetime, until: datetime
) -> None:
    """Raises ``EarlierInvoiceUnknown`` when more is asked for than these come to, unless it was paid before
    ``until``: then what nobody knows of is no usage."""
    if invoice.carried > sum(one.total for one in carried) and paid_at > until:
        raise EarlierInvoiceUnknown("an invoice that this one carries is not recorded yet")
