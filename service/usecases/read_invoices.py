"""Shows an organization its invoices, their lines, and the calls behind each line."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.metering import statements
from billing.metering.statements import InvoiceNotFound, LineEvent, Statement, StatementLine
from service.accounts.organizations import require_role
from service.usecases.context import Context
from service.usecases.read_usage import READERS

__all__ = ["InvoiceNotFound", "LineEvent", "Statement", "StatementLine"]


@dataclass(frozen=True)
class StatementFact:
    """An invoice with its lines; a draft has none yet."""

    invoice: Statement
    lines: list[StatementLine]


async def list_invoices(
    context: Context, *, organization_id: UUID, account_id: UUID, before: UUID | None, limit: int
) -> list[Statement]:
    """For every member, newest first. Raises ``OrganizationNotFound``."""
    async with context.database.reading() as connection:
        await require_role(connection, organization_id, account_id, *READERS)
        return await statements.listed(connection, organization_id, before=before, limit=limit)


async def read_invoice(
    context: Context, *, organization_id: UUID, account_id: UUID, invoice_id: UUID
) -> StatementFact:
    """For every member. Raises ``OrganizationNotFound`` and ``InvoiceNotFound``."""
    async with context.database.reading() as connection:
        await require_role(connection, organization_id, account_id, *READERS)
        invoice = await statements.find(connection, organization_id, invoice_id)
        return StatementFact(invoice, await statements.lines_of(connection, invoice_id))


async def list_line_events(
    context: Context,
    *,
    organization_id: UUID,
    account_id: UUID,
    invoice_id: UUID,
    line_id: UUID,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[LineEvent]:
    """For every member, oldest first. Raises ``OrganizationNotFound`` and ``InvoiceNotFound``."""
    async with context.database.reading() as connection:
        await require_role(connection, organization_id, account_id, *READERS)
        await statements.line_of(connection, organization_id, invoice_id, line_id)
        return await statements.events_of(connection, line_id, after=after, limit=limit)
