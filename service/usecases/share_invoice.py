"""An organization's metered invoice: its usage is put on it, and what accrued is earned when it is paid."""

from collections.abc import Sequence

from billing.ledger.splitting import settled_tax, split_metered
from billing.money import allocate
from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.processor.port import Charge, InvoiceSnapshot
from billing.shares import allocating, claims
from billing.shares.claims import SharedInvoice
from billing.shares.limits import Limits
from billing.subscriptions import sales
from billing.subscriptions.references import Reference
from billing.subscriptions.sales import Sold
from service.platform.ids import new_id
from service.usecases.context import Context

ENDED = frozenset({"paid", "void", "uncollectible"})


async def share_invoice(
    context: Context, invoice: InvoiceSnapshot, owner: Reference, *, lane: Lane | None
) -> str:
    """Whatever the invoice's state: an open one holds its usage, a paid one gives each creator what accrued,
    and what is on one that will not be paid is written off. Raises ``ProcessorUnavailable``, ``LaneLost``."""
    if owner.organization_id is None or invoice.id is None or invoice.status == "draft":
        return f"nothing to share ({invoice.status})"
    charges: list[Charge] = []
    if invoice.amount_paid:
        charges = await context.payments.list_invoice_charges(invoice.id)
    billed = [line for line in invoice.lines if line.amount]
    start = min((line.period_start for line in billed), default=invoice.period_start)
    end = max((line.period_end for line in billed), default=invoice.period_end)
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        shared = await claims.claim(
            session,
            id=new_id(),
            stripe_invoice_id=invoice.id,
            organization_id=owner.organization_id,
            currency=invoice.currency,
            invoiced=invoice.total - invoice.tax,
            start=start,
            end=end,
            limits=share_limits(context),
        )
        if invoice.status in ENDED and not charges:
            await claims.settled(session, shared.id, status="written_off")
    sold = Sold(
        kind="metered",
        creator_id=None,
        organization_id=owner.organization_id,
        stripe_invoice_id=invoice.id,
        period_start=start,
        period_end=end,
    )
    for charge, tax in zip(charges, taxes_of(invoice, charges), strict=True):
        await _sell(context, shared, sold, charge, tax, lane=lane)
    return f"{invoice.status}, sold {len(charges)}"


async def _sell(
    context: Context, shared: SharedInvoice, sold: Sold, charge: Charge, tax: int, *, lane: Lane | None
) -> None:
    """One payment of the invoice. Less than it was for gives everybody less, in proportion."""
    split = split_metered(
        charge.settled.amount,
        tax=settled_tax(charge.settled.amount, charge.presented.amount, tax),
        fee=charge.fee,
        billed=max(shared.billed, shared.invoiced),
        accrued=shared.granted,
    )
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        # The shares come from what accrued, call by call, so there is no one rate.
        sale_id = await sales.record(
            session, id=new_id(), charge=charge, tax=tax, split=split, take_rate_bps=0, sold=sold
        )
        if sale_id is not None:
            await allocating.keep(
                session, sale_id=sale_id, invoice=shared, split=split, currency=charge.settled.currency
            )
        await claims.settled(session, shared.id, status="paid")


def share_limits(context: Context) -> Limits:
    """How much of a creator's shares one organization may give."""
    settings = context.settings
    return Limits(settings.share_untouched_amount, settings.share_organization_max_bps)


def taxes_of(invoice: InvoiceSnapshot, charges: Sequence[Charge]) -> list[int]:
    """The tax in each payment. Tax is of the whole invoice, which credit may have paid in part."""
    paid = [charge.presented.amount for charge in charges]
    if not paid:
        return []
    tax = allocate(sum(paid), [max(invoice.total - invoice.tax, 0), invoice.tax])[1] if invoice.tax else 0
    return allocate(tax, paid)
