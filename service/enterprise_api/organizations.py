"""Organizations, their members, invitations and audit log."""

from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.accounts.audit import AuditEntry
from service.accounts.invitations import Invitation
from service.accounts.organizations import Member, Organization
from service.enterprise_api.schemas import NewInvitation, NewOrganization, RoleChange
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, place_of, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import invite_members, manage_organization, read_audit_log
from service.usecases.context import Context


@post("/organizations")
async def create_organization(
    data: JSONBody[NewOrganization],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Organization:
    """Makes an organization, which you own."""
    return await manage_organization.create_organization(
        context, organization_id=new_id(), name=data.name.strip(), owner_id=person.account_id, once=once
    )


@get("/organizations")
async def list_organizations(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[Organization]:
    """The organizations you belong to, newest first."""
    bound = f"organizations {person.account_id}"
    rows = await manage_organization.list_organizations(
        context, account_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/organizations/{organization_id:uuid}")
async def read_organization(
    organization_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> Organization:
    """One organization you belong to."""
    return await manage_organization.read_organization(
        context, organization_id=organization_id, account_id=person.account_id
    )


@get("/organizations/{organization_id:uuid}/members")
async def list_members(
    organization_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[Member]:
    """Everybody in the organization."""
    bound = f"members {organization_id} {person.account_id}"
    rows = await manage_organization.list_members(
        context,
        organization_id=organization_id,
        account_id=person.account_id,
        after=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.account_id)


@patch("/organizations/{organization_id:uuid}/members/{account_id:uuid}")
async def change_role(
    organization_id: FromPath[UUID],
    account_id: FromPath[UUID],
    data: JSONBody[RoleChange],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> Member:
    """Gives a member another role. Only an owner makes or unmakes an owner."""
    return await manage_organization.change_role(
        context,
        organization_id=organization_id,
        actor_id=person.account_id,
        member_id=account_id,
        role=data.role,
    )


@delete("/organizations/{organization_id:uuid}/members/{account_id:uuid}")
async def remove_member(
    organization_id: FromPath[UUID],
    account_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> None:
    """Removes a member, or yourself. An organization keeps at least one owner."""
    await manage_organization.remove_member(
        context, organization_id=organization_id, actor_id=person.account_id, member_id=account_id
    )


@post("/organizations/{organization_id:uuid}/invitations")
async def invite_member(
    organization_id: FromPath[UUID],
    data: JSONBody[NewInvitation],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Invitation:
    """Invites an email. Hand the invitation's id on: whoever is signed in with that email accepts by it."""
    return await invite_members.invite_member(
        context,
        invitation_id=new_id(),
        organization_id=organization_id,
        actor_id=person.account_id,
        email=data.email,
        role=data.role,
        once=once,
    )


@get("/organizations/{organization_id:uuid}/invitations")
async def list_invitations(
    organization_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[Invitation]:
    """The organization's invitations, newest first."""
    bound = f"invitations {organization_id} {person.account_id}"
    rows = await invite_members.list_invitations(
        context,
        organization_id=organization_id,
        account_id=person.account_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@delete("/organizations/{organization_id:uuid}/invitations/{invitation_id:uuid}")
async def revoke_invitation(
    organization_id: FromPath[UUID],
    invitation_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> None:
    """Takes an invitation back."""
    await invite_members.revoke_invitation(
        context,
        organization_id=organization_id,
        actor_id=person.account_id,
        invitation_id=invitation_id,
    )


@post("/invitations/{invitation_id:uuid}/accept", status_code=200)
async def accept_invitation(
    invitation_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Organization:
    """Joins the organization that invited your email."""
    return await invite_members.accept_invitation(
        context, invitation_id=invitation_id, account_id=person.account_id, once=once
    )


@get("/organizations/{organization_id:uuid}/audit-log")
async def read_audit(
    organization_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[AuditEntry]:
    """Who did what in the organization, newest first."""
    bound = f"audit {organization_id} {person.account_id}"
    rows = await read_audit_log.read_organization_audit_log(
        context,
        organization_id=organization_id,
        account_id=person.account_id,
        before=place_of(page, bound, int),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


handlers = [
    create_organization,
    list_organizations,
    read_organization,
    list_members,
    change_role,
    remove_member,
    invite_member,
    list_invitations,
    revoke_invitation,
    accept_invitation,
    read_audit,
]
