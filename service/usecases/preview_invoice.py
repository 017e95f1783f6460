"""Shows an organization its next invoice: Stripe's preview, and beside it what our own events come to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.metering import contracts, usage
from billing.money import Money
from service.access.admission import ContractRequired
from service.accounts.organizations import require_role
from service.platform.database import zhihao_now
from service.usecases.context import Context
from service.usecases.read_usage import READERS, month_of


@dataclass(frozen=True)
class PreviewLine:
    """What the next invoice would say of one meter; ``creator_prices`` is counted in minor units."""

    meter: str
    description: str
    units: int
    amount: int
    currency: str


@dataclass(frozen=True)
class Recorded:
    """What our own events of this UTC month come to, reported or not."""

    meter: str
    units: int
    amount: int
    currency: str


@dataclass(frozen=True)
class InvoicePreview:
    """``lines`` and ``total`` are the processor's, of what has been reported so far; ``recorded`` is ours."""

    period_start: datetime
    period_end: datetime
    lines: list[PreviewLine]
    total: Money
    recorded: list[Recorded]


async def preview_invoice(context: Context, *, organization_id: UUID, account_id: UUID) -> InvoicePreview:
    """For every member. Raises ``ContractRequired``, ``OrganizationNotFound``, ``ProcessorUnavailable``."""
    async with context.database.reading() as connection:
        await require_role(connection, organization_id, account_id, *READERS)
        contract = await contracts.find(connection, organization_id)
        since, until = month_of(await zhihao_now(connection))
        used = await usage.read(connection, organization_id, since=since, until=until, group_by="month")
    if contract is None or contract.stripe_customer_id is None or contract.status not in contracts.RUNNING:
        raise ContractRequired("this organization has no contract in force")
    invoice = await context.payments.preview_invoice(
        customer_id=contract.stripe_customer_id, subscription_id=contract.stripe_subscription_id
    )
    return InvoicePreview(
        period_start=invoice.period_start,
        period_end=invoice.period_end,
        lines=[
            PreviewLine(
                meter=contract.meter_prices.get(line.price_id or "", "other"),
                description=line.description,
                units=line.quantity or 0,
                amount=line.amount,
                currency=invoice.currency,
            )
            for line in invoice.lines
        ],
        total=Money(invoice.total, invoice.currency),
        recorded=[Recorded(line.meter, line.units, line.amount, line.currency) for line in used],
    )
