"""An organization's invoice is written down as it is; a final one is matched with our usage, line by line."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering import contracts, invoices
from billing.metering.invoices import Kept
from billing.money import Money
from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.processor.port import InvoiceSnapshot
from service.outgoing.events import announce
from service.platform.ids import new_id
from service.usecases.context import Context

log = structlog.get_logger(__name__)


async def record_invoice(
    context: Context, invoice: InvoiceSnapshot, organization_id: UUID, *, lane: Lane | None
) -> None:
    """Safe in any order and any number of times. A month's draft is kept open for late usage.

    Raises ``ProcessorUnavailable``, ``LaneLost``.
    """
    assert invoice.id is not None
    async with context.database.reading() as connection:
        contract = await contracts.find(connection, organization_id)
    meter_prices = contract.meter_prices if contract is not None else {}
    usage = [line for line in invoice.lines if line.price_id in meter_prices]
    if (until := _held_until(context, invoice)) is not None:
        await context.payments.hold_draft(
            invoice.id, until=until, idempotency_key=f"hold:{invoice.id}:{until.timestamp():.0f}"
        )
        invoice = await context.payments.retrieve_invoice(invoice.id)
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        kept = await invoices.keep(
            session, id=new_id(), organization_id=organization_id, invoice=invoice, usage=usage
        )
        missing = 0
        if kept.unmatched:
            missing = await invoices.line_up(
                session,
                new_id=new_id,
                invoice_id=kept.id,
                organization_id=organization_id,
                invoice=invoice,
                meter_prices=meter_prices,
            )
        if kept.now_paid or kept.now_failed:
            await _tell(session, invoice, kept, organization_id)
    if missing:
        log.error("invoice.difference", invoice_id=str(kept.id), units=missing)


async def _tell(session: AsyncSession, invoice: InvoiceSnapshot, kept: Kept, organization_id: UUID) -> None:
    currency = invoice.currency
    await announce(
        session,
        "invoice.paid" if kept.now_paid else "invoice.payment_failed",
        organization_id=organization_id,
        object_id=kept.id,
        data={
            "id": kept.id,
            "status": invoice.status,
            "total": Money(invoice.total, currency),
            "amount_due": Money(invoice.amount_due, currency),
            "amount_paid": Money(invoice.amount_paid, currency),
            "period_start": kept.period_start,
            "period_end": kept.period_end,
            "hosted_url": invoice.hosted_url,
        },
    )


def _held_until(context: Context, invoice: InvoiceSnapshot) -> datetime | None:
    """Until when the draft is to take usage, when the processor would not wait as long by itself."""
    if invoice.status != "draft" or invoice.reason != "subscription_cycle" or invoice.finalizes_at is None:
        return None
    until = invoice.period_end + timedelta(hours=context.settings.invoice_grace_hours)
    return until if invoice.finalizes_at < until else None
