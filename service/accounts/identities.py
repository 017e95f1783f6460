"""Who an account is elsewhere: the identities that OpenID providers vouch for and that sign it in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.accounts.tables import LINKED_IDENTITY


class IdentityNotFound(Exception):
    """No such identity of this account."""


class IdentityTaken(Exception):
    """The identity signs in another account."""


@dataclass(frozen=True)
class Identity:
    """One identity of an account. ``email`` is what the provider said when it was linked."""

    id: UUID
    provider: str
    issuer: str
    subject: str
    email: str | None
    created_at: datetime
    last_used_at: datetime | None


_FACT = tuple(LINKED_IDENTITY.c[name] for name in Identity.__dataclass_fields__)


async def holder(session: AsyncSession, *, issuer: str, subject: str) -> UUID | None:
    """The account that this identity signs in."""
    query = select(LINKED_IDENTITY.c.account_id).where(
        LINKED_IDENTITY.c.issuer == issuer, LINKED_IDENTITY.c.subject == subject
    )
    account_id: UUID | None = (await session.execute(query)).scalar_one_or_none()
    return account_id


async def link(
    session: AsyncSession,
    *,
    identity_id: UUID,
    account_id: UUID,
    provider: str,
    issuer: str,
    subject: str,
    email: str | None,
) -> None:
    """Has the identity sign in the account; nothing when it does already. Raises ``IdentityTaken``."""
    made = await session.execute(
        insert(LINKED_IDENTITY)
        .values(
            id=identity_id,
            account_id=account_id,
            provider=provider,
            issuer=issuer,
            subject=subject,
            email=email,
            created_at=func.zhihao_now(),
        )
        .on_conflict_do_nothing(constraint="uq_linked_identity_subject")
        .returning(LINKED_IDENTITY.c.id)
    )
    if made.one_or_none() is None and await holder(session, issuer=issuer, subject=subject) != account_id:
        raise IdentityTaken("This sign-in belongs to another account.")


async def used(session: AsyncSession, *, issuer: str, subject: str) -> None:
    """It has signed somebody in."""
    await session.execute(
        update(LINKED_IDENTITY)
        .where(LINKED_IDENTITY.c.issuer == issuer, LINKED_IDENTITY.c.subject == subject)
        .values(last_used_at=func.zhihao_now())
    )


async def list_of(
    session: AsyncSession | AsyncConnection, *, account_id: UUID, before: UUID | None = None, limit: int
) -> list[Identity]:
    """The account's identities, newest first, below the id ``before``."""
    query = (
        select(*_FACT)
        .where(LINKED_IDENTITY.c.account_id == account_id)
        .order_by(LINKED_IDENTITY.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(LINKED_IDENTITY.c.id < before)
    return [Identity(**row._mapping) for row in await session.execute(query)]


async def unlink(session: AsyncSession, *, identity_id: UUID, account_id: UUID) -> None:
    """It signs nobody in any more. Raises ``IdentityNotFound``."""
    gone = await session.execute(
        delete(LINKED_IDENTITY)
        .where(LINKED_IDENTITY.c.id == identity_id, LINKED_IDENTITY.c.account_id == account_id)
        .returning(LINKED_IDENTITY.c.id)
    )
    if gone.one_or_none() is None:
        raise IdentityNotFound("There is no such identity.")


async def forget(session: AsyncSession, *, account_id: UUID) -> None:
    """Takes every identity off the account."""
    await session.execute(delete(LINKED_IDENTITY).where(LINKED_IDENTITY.c.account_id == account_id))
