"""Shows the audit log: an organization's to those who run it, all of it to operators."""

from uuid import UUID

from service.accounts import audit, organizations
from service.accounts.audit import AuditEntry
from service.accounts.organizations import MANAGERS
from service.usecases.context import Context


async def read_organization_audit_log(
    context: Context, *, organization_id: UUID, account_id: UUID, before: int | None, limit: int
) -> list[AuditEntry]:
    """For owners and admins, newest first. Raises ``OrganizationNotFound`` and ``RoleMissing``."""
    async with context.database.reading() as connection:
        await organizations.require_role(connection, organization_id, account_id, *MANAGERS)
        return await audit.page(connection, organization_id=organization_id, before=before, limit=limit)


async def read_audit_log(context: Context, *, before: int | None, limit: int) -> list[AuditEntry]:
    """Everything, newest first. The door lets only operators in."""
    async with context.database.reading() as connection:
        return await audit.page(connection, organization_id=None, before=before, limit=limit)
