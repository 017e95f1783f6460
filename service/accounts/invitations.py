"""Invitations into an organization.

Emails are not verified, so nobody is shown the invitations to an email. The invitation's id, which its
maker hands on, is half of what accepting takes; being signed in with the invited email is the other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.accounts.organizations import Role
from service.accounts.tables import INVITATION

Status = Literal["pending", "accepted", "revoked", "expired"]


class InvitationNotFound(Exception):
    """No such invitation, or none for this account."""


class InvitationClosed(Exception):
    """The invitation was accepted or revoked, or has expired."""


@dataclass(frozen=True)
class Invitation:
    """What was offered to whom."""

    id: UUID
    organization_id: UUID
    email: str
    role: Role
    status: Status
    created_at: datetime
    expires_at: datetime


_STATUS = case(
    (INVITATION.c.accepted_at.is_not(None), "accepted"),
    (INVITATION.c.revoked_at.is_not(None), "revoked"),
    (INVITATION.c.expires_at <= func.zhihao_now(), "expired"),
    else_="pending",
).label("status")

_FACT = (
    INVITATION.c.id,
    INVITATION.c.organization_id,
    INVITATION.c.email,
    INVITATION.c.role,
    _STATUS,
    INVITATION.c.created_at,
    INVITATION.c.expires_at,
)


async def create(
    session: AsyncSession,
    *,
    invitation_id: UUID,
    organization_id: UUID,
    email: str,
    role: Role,
    invited_by: UUID,
    lifetime: timedelta,
) -> Invitation:
    """A pending invitation to a canonical email."""
    now = func.zhihao_now()
    await session.execute(
        insert(INVITATION).values(
            id=invitation_id,
            organization_id=organization_id,
            email=email,
            role=role,
            invited_by=invited_by,
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    made = (await session.execute(select(*_FACT).where(INVITATION.c.id == invitation_id))).one()
    return Invitation(**made._mapping)


async def list_of(
    session: AsyncSession | AsyncConnection, *, organization_id: UUID, before: UUID | None, limit: int
) -> list[Invitation]:
    """An organization's invitations, newest first, below the id ``before``."""
    query = (
        select(*_FACT)
        .where(INVITATION.c.organization_id == organization_id)
        .order_by(INVITATION.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(INVITATION.c.id < before)
    return [Invitation(**row._mapping) for row in await session.execute(query)]


async def accept(session: AsyncSession, *, invitation_id: UUID, email: str) -> Invitation:
    """Closes the invitation as accepted. Raises ``InvitationNotFound`` and ``InvitationClosed``."""
    query = select(*_FACT).where(INVITATION.c.id == invitation_id, INVITATION.c.email == email)
    row = (await session.execute(query.with_for_update(of=INVITATION))).one_or_none()
    if row is None:
        raise InvitationNotFound("There is no such invitation for you.")
    if row.status != "pending":
        raise InvitationClosed(f"The invitation is {row.status}.")
    await session.execute(
        update(INVITATION).where(INVITATION.c.id == invitation_id).values(accepted_at=func.zhihao_now())
    )
    return Invitation(**row._mapping)


async def revoke(session: AsyncSession, *, invitation_id: UUID, organization_id: UUID) -> None:
    """Closes a pending invitation; one that is closed stays as it is. Raises ``InvitationNotFound``."""
    query = select(INVITATION.c.id).where(
        INVITATION.c.id == invitation_id, INVITATION.c.organization_id == organization_id
    )
    if (await session.execute(query)).one_or_none() is None:
        raise InvitationNotFound("There is no such invitation.")
    await session.execute(
        update(INVITATION)
        .where(
            INVITATION.c.id == invitation_id,
            INVITATION.c.accepted_at.is_(None),
            INVITATION.c.revoked_at.is_(None),
        )
        .values(revoked_at=func.zhihao_now())
    )


async def forget(session: AsyncSession, *, email: str) -> None:
    """Erases every invitation to an email."""
    await session.execute(delete(INVITATION).where(INVITATION.c.email == email))
