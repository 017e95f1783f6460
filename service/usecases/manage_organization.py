"""People make organizations and see to who belongs to them, in which role."""

from uuid import UUID

from service.accounts import audit, organizations
from service.accounts.organizations import MANAGERS, Member, Organization, Role, RoleMissing
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context


async def create_organization(
    context: Context, *, organization_id: UUID, name: str, owner_id: UUID, once: Once | None = None
) -> Organization:
    """A new organization, owned by whoever makes it."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, Organization)) is not None:
            return kept
        made = await organizations.create(
            session,
            organization_id=organization_id,
            name=name,
            owner_id=owner_id,
            now=await zhihao_now(session),
        )
        await audit.record(
            session,
            actor_id=owner_id,
            organization_id=organization_id,
            action="organization.created",
            subject=organization_id,
        )
        await keep(session, once, made)
        return made


async def list_organizations(
    context: Context, *, account_id: UUID, before: UUID | None, limit: int
) -> list[Organization]:
    """Those the account belongs to, newest first."""
    async with context.database.reading() as connection:
        return await organizations.list_of(connection, account_id=account_id, before=before, limit=limit)


async def read_organization(context: Context, *, organization_id: UUID, account_id: UUID) -> Organization:
    """Raises ``OrganizationNotFound``."""
    async with context.database.reading() as connection:
        return await organizations.read(connection, organization_id=organization_id, account_id=account_id)


async def list_members(
    context: Context, *, organization_id: UUID, account_id: UUID, after: UUID | None, limit: int
) -> list[Member]:
    """For every member. Raises ``OrganizationNotFound``."""
    async with context.database.reading() as connection:
        await organizations.require_role(connection, organization_id, account_id)
        return await organizations.list_members(
            connection, organization_id=organization_id, after=after, limit=limit
        )


async def change_role(
    context: Context, *, organization_id: UUID, actor_id: UUID, member_id: UUID, role: Role
) -> Member:
    """For owners and admins; only an owner makes or unmakes an owner.

    Raises ``OrganizationNotFound``, ``RoleMissing``, ``MemberNotFound``, ``LastOwner``.
    """
    async with context.database.transaction() as session:
        await organizations.lock(session, organization_id)
        actor = await organizations.require_role(session, organization_id, actor_id, *MANAGERS)
        member = await organizations.read_member(
            session, organization_id=organization_id, account_id=member_id
        )
        check_may_give(actor, role)
        check_may_give(actor, member.role)
        await organizations.change_role(
            session, organization_id=organization_id, account_id=member_id, role=role
        )
        await audit.record(
            session,
            actor_id=actor_id,
            organization_id=organization_id,
            action="member.role_changed",
            subject=member_id,
            detail={"from": member.role, "to": role},
        )
        return await organizations.read_member(session, organization_id=organization_id, account_id=member_id)


async def remove_member(context: Context, *, organization_id: UUID, actor_id: UUID, member_id: UUID) -> None:
    """For owners and admins, and for whoever leaves; only an owner removes an owner.

    Raises ``OrganizationNotFound``, ``RoleMissing``, ``MemberNotFound``, ``LastOwner``.
    """
    async with context.database.transaction() as session:
        await organizations.lock(session, organization_id)
        allowed = () if actor_id == member_id else MANAGERS
        actor = await organizations.require_role(session, organization_id, actor_id, *allowed)
        member = await organizations.read_member(
            session, organization_id=organization_id, account_id=member_id
        )
        if actor_id != member_id:
            check_may_give(actor, member.role)
        await organizations.remove_member(session, organization_id=organization_id, account_id=member_id)
        await audit.record(
            session,
            actor_id=actor_id,
            organization_id=organization_id,
            action="member.removed",
            subject=member_id,
            detail={"role": member.role},
        )


def check_may_give(actor: Role, role: Role) -> None:
    """Who is no owner can neither give nor take that role. Raises ``RoleMissing``."""
    if role == "owner" and actor != "owner":
        raise RoleMissing("Only an owner gives or takes the role owner.")
