"""Members invite others into their organization, and those accept."""

from datetime import timedelta
from uuid import UUID

from service.accounts import audit, invitations, organizations, people
from service.accounts.invitations import Invitation
from service.accounts.organizations import MANAGERS, Organization, Role
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context
from service.usecases.manage_organization import check_may_give


async def invite_member(
    context: Context,
    *,
    invitation_id: UUID,
    organization_id: UUID,
    actor_id: UUID,
    email: str,
    role: Role,
    once: Once | None = None,
) -> Invitation:
    """For owners and admins. Its maker hands the invitation's id on: nothing is mailed from here.

    Raises ``InvalidEmail``, ``OrganizationNotFound``, ``RoleMissing``.
    """
    canonical = people.canonical_email(email)
    async with context.database.transaction() as session:
        actor = await organizations.require_role(session, organization_id, actor_id, *MANAGERS)
        check_may_give(actor, role)
        if (kept := await claim(session, once, Invitation)) is not None:
            return kept
        made = await invitations.create(
            session,
            invitation_id=invitation_id,
            organization_id=organization_id,
            email=canonical,
            role=role,
            invited_by=actor_id,
            lifetime=timedelta(days=context.settings.invitation_days),
        )
        await audit.record(
            session,
            actor_id=actor_id,
            organization_id=organization_id,
            action="invitation.created",
            subject=invitation_id,
            detail={"role": role},
        )
        await keep(session, once, made)
        return made


async def list_invitations(
    context: Context, *, organization_id: UUID, account_id: UUID, before: UUID | None, limit: int
) -> list[Invitation]:
    """For owners and admins. Raises ``OrganizationNotFound`` and ``RoleMissing``."""
    async with context.database.reading() as connection:
        await organizations.require_role(connection, organization_id, account_id, *MANAGERS)
        return await invitations.list_of(
            connection, organization_id=organization_id, before=before, limit=limit
        )


async def revoke_invitation(
    context: Context, *, organization_id: UUID, actor_id: UUID, invitation_id: UUID
) -> None:
    """For owners and admins. Raises ``OrganizationNotFound``, ``RoleMissing``, ``InvitationNotFound``."""
    async with context.database.transaction() as session:
        await organizations.require_role(session, organization_id, actor_id, *MANAGERS)
        await invitations.revoke(session, invitation_id=invitation_id, organization_id=organization_id)
        await audit.record(
            session,
            actor_id=actor_id,
            organization_id=organization_id,
            action="invitation.revoked",
            subject=invitation_id,
        )


async def accept_invitation(
    context: Context, *, invitation_id: UUID, account_id: UUID, once: Once | None = None
) -> Organization:
    """For whoever has the id and is signed in with the invited email.

    Raises ``InvitationNotFound``, ``InvitationClosed``, ``AlreadyMember``, ``TooManyMembers``.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, Organization)) is not None:
            return kept
        account = await people.lock(session, account_id)
        accepted = await invitations.accept(session, invitation_id=invitation_id, email=account.email)
        await organizations.lock(session, accepted.organization_id)
        await organizations.add_member(
            session,
            organization_id=accepted.organization_id,
            account_id=account_id,
            role=accepted.role,
            most=context.settings.organization_max_members,
        )
        await audit.record(
            session,
            actor_id=account_id,
            organization_id=accepted.organization_id,
            action="member.joined",
            subject=account_id,
            detail={"role": accepted.role},
        )
        joined = await organizations.read(
            session, organization_id=accepted.organization_id, account_id=account_id
        )
        await keep(session, once, joined)
        return joined
