"""An organization's metered invoice: its usage is put on it, and what accrued is earned when it is paid."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.splitting import settled_tax
from billing.money import allocate
from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.processor.port import Charge, InvoiceSnapshot
from billing.shares import allocating, claims, settling
from billing.shares.claims import SharedInvoice, Status
from billing.shares.limits import Limits
from billing.subscriptions import sales
from billing.subscriptions.references import Reference
from billing.subscriptions.sales import Sold
from service.platform.database import zhihao_now
from service.platform.ids import new_id
from service.usecases.context import Context

UNTOLD = timedelta(minutes=10)
"""How long after a payment an earlier invoice may still have to be told of: the sweep finds it sooner."""


async def share_invoice(
    context: Context, invoice: InvoiceSnapshot, owner: Reference, *, lane: Lane | None
) -> str:
    """Whatever the invoice's state: an open one holds its usage, a paid one gives each creator what accrued,
    one too small to be charged is carried to the next, and one that will not be paid is written off.

    Raises ``ProcessorUnavailable``, ``LaneLost``, ``EarlierInvoiceUnknown``.
    """
    if owner.organization_id is None or invoice.id is None or invoice.status == "draft":
        return f"nothing to share ({invoice.status})"
    charges: list[Charge] = []
    if invoice.amount_paid:
        charges = await context.payments.list_invoice_charges(invoice.id)
    billed = [line for line in invoice.lines if line.amount]
    sold = Sold(
        kind="metered",
        creator_id=None,
        organization_id=owner.organization_id,
        stripe_invoice_id=invoice.id,
        period_start=min((line.period_start for line in billed), default=invoice.period_start),
        period_end=max((line.period_end for line in billed), default=invoice.period_end),
    )
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        shared, carried = await _put_on(context, session, invoice, sold)
        if charges:
            until = await zhihao_now(session) - UNTOLD
            settling.require_known(shared, carried, paid_at=charges[0].paid_at, until=until)
        else:
            await _unpaid(session, invoice, shared)
    for charge, tax in zip(charges, taxes_of(invoice, charges), strict=True):
        async with context.database.transaction() as session:
            await inbox.guard(session, lane)
            await _sell(session, shared, carried, sold, charge, tax)
    return f"{invoice.status}, sold {len(charges)}"


async def _put_on(
    context: Context, session: AsyncSession, invoice: InvoiceSnapshot, sold: Sold
) -> tuple[SharedInvoice, list[SharedInvoice]]:
    """The invoice with its usage, and the earlier ones that it asks for too."""
    assert invoice.id is not None
    assert sold.organization_id is not None
    assert sold.period_start is not None
    assert sold.period_end is not None
    settings = context.settings
    shared = await claims.claim(
        session,
        id=new_id(),
        stripe_invoice_id=invoice.id,
        organization_id=sold.organization_id,
        currency=invoice.currency,
        total=invoice.total,
        tax=invoice.tax,
        carried=max(invoice.amount_due - max(invoice.total, 0), 0),
        start=sold.period_start,
        end=sold.period_end,
        limits=Limits(settings.share_untouched_amount, settings.share_organization_max_bps),
    )
    if not invoice.amount_due:
        return shared, []
    return shared, await settling.carried_by(
        session, shared, organization_id=sold.organization_id, currency=invoice.currency
    )


async def _unpaid(session: AsyncSession, invoice: InvoiceSnapshot, shared: SharedInvoice) -> None:
    if invoice.status == "paid":
        # By nothing: it is a debt that the next invoice asks for, unless there was nothing to pay.
        if shared.status == "open":
            status: Status = "carried" if invoice.total > 0 else "written_off"
            await settling.settled(session, shared.id, status=status)
    elif invoice.status == "void":
        await settling.let_go(session, shared.id)
        await settling.settled(session, shared.id, status="written_off")
    elif invoice.status == "uncollectible":
        await settling.settled(session, shared.id, status="written_off")


async def _sell(
    session: AsyncSession,
    shared: SharedInvoice,
    carried: Sequence[SharedInvoice],
    sold: Sold,
    charge: Charge,
    tax: int,
) -> None:
    """One payment of the invoice."""
    split, parts = allocating.split_payment(
        charge.settled.amount,
        tax=settled_tax(charge.settled.amount, charge.presented.amount, tax),
        fee=charge.fee,
        invoice=shared,
        carried=carried,
    )
    # The shares come from what accrued, call by call, so there is no one rate.
    sale_id = await sales.record(
        session, id=new_id(), charge=charge, tax=tax, split=split, take_rate_bps=0, sold=sold
    )
    if sale_id is not None:
        await allocating.keep(session, sale_id=sale_id, parts=parts, currency=charge.settled.currency)
    await settling.settled(session, shared.id, status="paid")


def taxes_of(invoice: InvoiceSnapshot, charges: Sequence[Charge]) -> list[int]:
    """The tax in each payment. Tax is of the whole invoice, which credit may have paid in part."""
    paid = [charge.presented.amount for charge in charges]
    if not paid:
        return []
    tax = allocate(sum(paid), [max(invoice.total - invoice.tax, 0), invoice.tax])[1] if invoice.tax else 0
    return allocate(tax, paid)
