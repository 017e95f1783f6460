"""An invoice was paid: its subscription is brought up to date, its payments recorded, split and posted."""

from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.splitting import settled_tax, split_sale
from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.processor.port import Charge, InvoiceSnapshot
from billing.rates.take import take_rate_bps
from billing.subscriptions import sales
from billing.subscriptions.projecting import SubscriptionFact
from billing.subscriptions.references import Reference, reference_from
from billing.subscriptions.sales import Sold
from service.knowledge.cards import card_changed
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.record_invoice import record_invoice
from service.usecases.settle_subscription import write_subscription
from service.usecases.share_invoice import share_invoice, taxes_of
from service.usecases.tell_of_sale import tell_of_sale


async def settle_invoice(context: Context, *, invoice_id: str, lane: Lane | None = None) -> str:
    """Raises ``ProcessorUnavailable``, ``LaneLost``."""
    invoice = await context.payments.retrieve_invoice(invoice_id)
    if invoice.subscription_id is None:
        # Late usage of a contract that has ended.
        alone = reference_from(invoice.metadata)
        if alone is None or alone.organization_id is None:
            return "not ours"
        await record_invoice(context, invoice, alone.organization_id, lane=lane)
        return await share_invoice(context, invoice, alone, lane=lane)
    snapshot = await context.payments.retrieve_subscription(invoice.subscription_id)
    owner = await write_subscription(context, snapshot, lane=lane)
    if owner is None:
        return "not ours"
    if isinstance(owner, Reference):
        if owner.organization_id is not None:
            await record_invoice(context, invoice, owner.organization_id, lane=lane)
        return await share_invoice(context, invoice, owner, lane=lane)
    if invoice.status != "paid" or invoice.amount_paid == 0:
        return f"nothing paid ({invoice.status})"
    charges = await context.payments.list_invoice_charges(invoice_id)
    for charge, tax in zip(charges, taxes_of(invoice, charges), strict=True):
        async with context.database.transaction() as session:
            await inbox.guard(session, lane)
            await _sell(context, session, invoice, owner, charge, tax)
    return f"sold {len(charges)}"


async def _sell(
    context: Context,
    session: AsyncSession,
    invoice: InvoiceSnapshot,
    subscription: SubscriptionFact,
    charge: Charge,
    tax: int,
) -> None:
    """A creator's subscriber has paid for a period."""
    take = await take_rate_bps(
        session,
        creator_id=subscription.creator_id,
        at=charge.paid_at,
        default=context.settings.take_rate_bps,
    )
    split = split_sale(
        charge.settled.amount,
        tax=settled_tax(charge.settled.amount, charge.presented.amount, tax),
        fee=charge.fee,
        creator_id=subscription.creator_id,
        take_rate_bps=take,
    )
    sold = Sold(
        kind="subscription",
        creator_id=subscription.creator_id,
        account_id=subscription.account_id,
        knowledge_base_id=subscription.knowledge_base_id,
        subscription_id=subscription.id,
        plan_id=subscription.plan_id,
        ref=subscription.ref,
        stripe_invoice_id=invoice.id,
        period_start=min((line.period_start for line in invoice.lines), default=None),
        period_end=max((line.period_end for line in invoice.lines), default=None),
    )
    sale_id = await sales.record(
        session, id=new_id(), charge=charge, tax=tax, split=split, take_rate_bps=take, sold=sold
    )
    if sale_id is not None:
        await tell_of_sale(session, sale_id, sold=sold, charge=charge, tax=tax, split=split)
        # Paying readers count for the square's order.
        await card_changed(session, subscription.knowledge_base_id)
