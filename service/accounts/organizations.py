"""Organizations, their members, and what each role may do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.accounts.tables import ACCOUNT, MEMBERSHIP, ORGANIZATION

Role = Literal["owner", "admin", "developer", "billing"]
ROLES: tuple[Role, ...] = get_args(Role)

MANAGERS: tuple[Role, ...] = ("owner", "admin")
KEEPERS_OF_KEYS: tuple[Role, ...] = ("owner", "admin", "developer")


class OrganizationNotFound(Exception):
    """No such organization, or one that the account is no member of."""


class RoleMissing(Exception):
    """The account is a member, but its role does not allow this."""


class MemberNotFound(Exception):
    """The organization has no such member."""


class LastOwner(Exception):
    """An organization keeps at least one owner."""


class AlreadyMember(Exception):
    """The account is a member already."""


class TooManyMembers(Exception):
    """The organization has as many members as the settings allow."""


@dataclass(frozen=True)
class Organization:
    """An organization as one of its members sees it; ``role`` is that member's."""

    id: UUID
    name: str
    role: Role
    created_at: datetime


@dataclass(frozen=True)
class Member:
    """One person in an organization."""

    account_id: UUID
    email: str
    display_name: str
    role: Role
    created_at: datetime


async def create(
    session: AsyncSession, *, organization_id: UUID, name: str, owner_id: UUID, now: datetime
) -> Organization:
    """A new organization with one owner."""
    await session.execute(insert(ORGANIZATION).values(id=organization_id, name=name, created_at=now))
    await add_member(session, organization_id=organization_id, account_id=owner_id, role="owner")
    return Organization(organization_id, name, "owner", now)


async def require_role(
    session: AsyncSession | AsyncConnection, organization_id: UUID, account_id: UUID, *roles: Role
) -> Role:
    """The account's role, which must be one of ``roles`` (any, when none is named).

    Raises ``OrganizationNotFound`` to whoever is no member, and ``RoleMissing``.
    """
    query = select(MEMBERSHIP.c.role).where(*_is(organization_id, account_id))
    role: Role | None = (await session.execute(query)).scalar_one_or_none()
    if role is None:
        raise OrganizationNotFound("There is no such organization.")
    if roles and role not in roles:
        raise RoleMissing(f"This takes the role {' or '.join(roles)}; yours is {role}.")
    return role


async def lock(session: AsyncSession, organization_id: UUID) -> None:
    """Nobody else changes the organization's members or keys until the transaction ends."""
    await session.execute(
        select(ORGANIZATION.c.id).where(ORGANIZATION.c.id == organization_id).with_for_update()
    )


async def list_of(
    session: AsyncSession | AsyncConnection, *, account_id: UUID, before: UUID | None, limit: int
) -> list[Organization]:
    """The organizations an account belongs to, newest first, below the id ``before``."""
    query = _seen_by(account_id).order_by(ORGANIZATION.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ORGANIZATION.c.id < before)
    return [Organization(**row._mapping) for row in await session.execute(query)]


async def read(
    session: AsyncSession | AsyncConnection, *, organization_id: UUID, account_id: UUID
) -> Organization:
    """Raises ``OrganizationNotFound``."""
    query = _seen_by(account_id).where(ORGANIZATION.c.id == organization_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise OrganizationNotFound("There is no such organization.")
    return Organization(**row._mapping)


async def list_members(
    session: AsyncSession | AsyncConnection, *, organization_id: UUID, after: UUID | None, limit: int
) -> list[Member]:
    """In the order of their account ids, above ``after``."""
    query = (
        _members()
        .where(MEMBERSHIP.c.organization_id == organization_id)
        .order_by(MEMBERSHIP.c.account_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(MEMBERSHIP.c.account_id > after)
    return [Member(**row._mapping) for row in await session.execute(query)]


async def read_member(
    session: AsyncSession | AsyncConnection, *, organization_id: UUID, account_id: UUID
) -> Member:
    """Raises ``MemberNotFound``."""
    row = (await session.execute(_members().where(*_is(organization_id, account_id)))).one_or_none()
    if row is None:
        raise MemberNotFound("The organization has no such member.")
    return Member(**row._mapping)


async def add_member(
    session: AsyncSession, *, organization_id: UUID, account_id: UUID, role: Role, most: int | None = None
) -> None:
    """The organization is locked by the caller when ``most`` is given.

    Raises ``AlreadyMember`` and ``TooManyMembers``.
    """
    if await is_member(session, organization_id=organization_id, account_id=account_id):
        raise AlreadyMember("This account is a member already.")
    if most is not None and await _count(session, organization_id) >= most:
        raise TooManyMembers(f"An organization has at most {most} members.")
    await session.execute(
        insert(MEMBERSHIP).values(
            organization_id=organization_id, account_id=account_id, role=role, created_at=func.zhihao_now()
        )
    )


async def is_member(
    session: AsyncSession | AsyncConnection, *, organization_id: UUID, account_id: UUID
) -> bool:
    query = select(MEMBERSHIP.c.role).where(*_is(organization_id, account_id))
    return (await session.execute(query)).one_or_none() is not None


async def change_role(session: AsyncSession, *, organization_id: UUID, account_id: UUID, role: Role) -> None:
    """The organization is locked by the caller. Raises ``LastOwner``."""
    if role != "owner":
        await _keep_an_owner(session, organization_id, without=account_id)
    await session.execute(update(MEMBERSHIP).where(*_is(organization_id, account_id)).values(role=role))


async def remove_member(session: AsyncSession, *, organization_id: UUID, account_id: UUID) -> None:
    """The organization is locked by the caller. Raises ``LastOwner``."""
    await _keep_an_owner(session, organization_id, without=account_id)
    await session.execute(delete(MEMBERSHIP).where(*_is(organization_id, account_id)))


async def owned_alone(session: AsyncSession | AsyncConnection, *, account_id: UUID) -> Sequence[UUID]:
    """The organizations that would be without an owner if the account went."""
    other = MEMBERSHIP.alias("other")
    another = select(other.c.role).where(
        other.c.organization_id == MEMBERSHIP.c.organization_id,
        other.c.account_id != account_id,
        other.c.role == "owner",
    )
    query = select(MEMBERSHIP.c.organization_id).where(
        MEMBERSHIP.c.account_id == account_id, MEMBERSHIP.c.role == "owner", ~another.exists()
    )
    return (await session.execute(query)).scalars().all()


async def managers_of(session: AsyncSession | AsyncConnection, organization_id: UUID) -> Sequence[UUID]:
    """Its owners and admins."""
    query = select(MEMBERSHIP.c.account_id).where(
        MEMBERSHIP.c.organization_id == organization_id, MEMBERSHIP.c.role.in_(MANAGERS)
    )
    return (await session.execute(query.order_by(MEMBERSHIP.c.account_id))).scalars().all()


async def name_of(session: AsyncSession | AsyncConnection, organization_id: UUID) -> str:
    """Its name, whoever asks."""
    query = select(ORGANIZATION.c.name).where(ORGANIZATION.c.id == organization_id)
    return str((await session.execute(query)).scalar_one())


async def leave_all(session: AsyncSession, *, account_id: UUID) -> None:
    """Ends every membership of an account; that it owns nothing alone is the caller's to see to."""
    await session.execute(delete(MEMBERSHIP).where(MEMBERSHIP.c.account_id == account_id))


async def _keep_an_owner(session: AsyncSession, organization_id: UUID, *, without: UUID) -> None:
    query = select(MEMBERSHIP.c.account_id).where(
        MEMBERSHIP.c.organization_id == organization_id, MEMBERSHIP.c.role == "owner"
    )
    owners = set((await session.execute(query)).scalars())
    if owners == {without}:
        raise LastOwner("An organization keeps at least one owner; make somebody else one first.")


async def _count(session: AsyncSession, organization_id: UUID) -> int:
    query = select(func.count()).where(MEMBERSHIP.c.organization_id == organization_id)
    return int((await session.execute(query)).scalar_one())


def _is(organization_id: UUID, account_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return MEMBERSHIP.c.organization_id == organization_id, MEMBERSHIP.c.account_id == account_id


def _seen_by(account_id: UUID) -> Any:
    return (
        select(ORGANIZATION.c.id, ORGANIZATION.c.name, MEMBERSHIP.c.role, ORGANIZATION.c.created_at)
        .join(MEMBERSHIP, MEMBERSHIP.c.organization_id == ORGANIZATION.c.id)
        .where(MEMBERSHIP.c.account_id == account_id)
    )


def _members() -> Any:
    return select(
        MEMBERSHIP.c.account_id,
        ACCOUNT.c.email,
        ACCOUNT.c.display_name,
        MEMBERSHIP.c.role,
        MEMBERSHIP.c.created_at,
    ).join(ACCOUNT, ACCOUNT.c.id == MEMBERSHIP.c.account_id)
