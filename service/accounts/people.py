"""People: one row each, found by id or by lower-cased email."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.accounts.tables import ACCOUNT

LONGEST_EMAIL = 254

# As a browser's email field takes it, and letters of any script beside.
_EMAIL = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?)(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*"
)


class InvalidEmail(Exception):
    """Not the form of an email address."""

    pointer = "/email"


class EmailTaken(Exception):
    """There is an account with this email."""

    pointer = "/email"


class AccountNotFound(Exception):
    """No such account, or it was erased."""


class AccountSuspended(Exception):
    """The operators suspended the account."""


@dataclass(frozen=True)
class Account:
    """A person, as they see themselves."""

    id: UUID
    email: str
    display_name: str
    created_at: datetime
    email_verified: bool = False


@dataclass(frozen=True)
class Credentials:
    """What a sign-in is checked against."""

    account: Account
    password_hash: str | None


def canonical_email(email: str) -> str:
    """Lower-cased and in Unicode's composed form; only its syntax is checked. Raises ``InvalidEmail``."""
    folded = unicodedata.normalize("NFC", email).lower()
    if len(folded) > LONGEST_EMAIL or not _EMAIL.fullmatch(folded):
        raise InvalidEmail("This is not an email address.")
    return folded


async def create(
    session: AsyncSession,
    *,
    account_id: UUID,
    email: str,
    display_name: str,
    password_hash: str | None,
    now: datetime,
    email_verified: bool = False,
) -> Account:
    """A new account; ``email`` is canonical. Raises ``EmailTaken``."""
    made = await session.execute(
        upsert(ACCOUNT)
        .values(
            id=account_id,
            email=email,
            display_name=display_name,
            password_hash=password_hash,
            created_at=now,
            email_verified_at=now if email_verified else None,
        )
        .on_conflict_do_nothing(constraint="uq_account_email")
        .returning(ACCOUNT.c.id)
    )
    if made.scalar_one_or_none() is None:
        raise EmailTaken("There is an account with this email already.")
    return Account(account_id, email, display_name, now, email_verified)


async def find_credentials(session: AsyncSession | AsyncConnection, email: str) -> Credentials | None:
    """The account with this canonical email, with what its password is checked against."""
    row = (await session.execute(select(ACCOUNT).where(ACCOUNT.c.email == email))).one_or_none()
    if row is None:
        return None
    return Credentials(_account(row), row.password_hash)


async def read(session: AsyncSession | AsyncConnection, account_id: UUID) -> Account:
    """Raises ``AccountNotFound``."""
    query = select(ACCOUNT).where(ACCOUNT.c.id == account_id, ACCOUNT.c.erased_at.is_(None))
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise AccountNotFound("There is no such account.")
    return _account(row)


async def reachable(session: AsyncSession | AsyncConnection, account_id: UUID) -> Account | None:
    """The account, if letters may be sent to it: neither erased nor suspended."""
    query = select(ACCOUNT).where(
        ACCOUNT.c.id == account_id, ACCOUNT.c.erased_at.is_(None), ACCOUNT.c.suspended_at.is_(None)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None or row.email is None else _account(row)


async def lock(session: AsyncSession, account_id: UUID) -> Account:
    """The account, which nobody else erases or suspends until the transaction ends.

    Raises ``AccountNotFound`` and ``AccountSuspended``.
    """
    query = select(ACCOUNT).where(ACCOUNT.c.id == account_id, ACCOUNT.c.erased_at.is_(None))
    row = (await session.execute(query.with_for_update())).one_or_none()
    if row is None:
        raise AccountNotFound("There is no such account.")
    if row.suspended_at is not None:
        raise AccountSuspended("This account is suspended.")
    return _account(row)


async def find_id_by_email(session: AsyncSession | AsyncConnection, email: str) -> UUID:
    """Raises ``AccountNotFound``."""
    query = select(ACCOUNT.c.id).where(ACCOUNT.c.email == email.lower())
    account_id: UUID | None = (await session.execute(query)).scalar_one_or_none()
    if account_id is None:
        raise AccountNotFound("There is no account with this email.")
    return account_id


async def suspend(session: AsyncSession, account_id: UUID, *, knowledge_base_ids: Sequence[UUID]) -> bool:
    """Suspends, and remembers what goes off the square with it. False when it was suspended already.

    Raises ``AccountNotFound``.
    """
    if await _suspended(session, account_id):
        return False
    await session.execute(
        update(ACCOUNT)
        .where(ACCOUNT.c.id == account_id)
        .values(suspended_at=func.zhihao_now(), suspended_knowledge_base_ids=list(knowledge_base_ids))
    )
    return True


async def restore(session: AsyncSession, account_id: UUID) -> list[UUID] | None:
    """Ends a suspension; what went off the square with it. ``None`` when there was none.

    Raises ``AccountNotFound``.
    """
    if not await _suspended(session, account_id):
        return None
    query = select(ACCOUNT.c.suspended_knowledge_base_ids).where(ACCOUNT.c.id == account_id)
    taken: list[UUID] | None = (await session.execute(query)).scalar_one()
    await session.execute(
        update(ACCOUNT)
        .where(ACCOUNT.c.id == account_id)
        .values(suspended_at=None, suspended_knowledge_base_ids=None)
    )
    return taken or []


async def verify_email(session: AsyncSession, account_id: UUID) -> None:
    """The account's holder reads what is sent to its address."""
    await session.execute(
        update(ACCOUNT)
        .where(ACCOUNT.c.id == account_id, ACCOUNT.c.email_verified_at.is_(None))
        .values(email_verified_at=func.zhihao_now())
    )


async def set_password(session: AsyncSession, account_id: UUID, *, password_hash: str) -> None:
    """The account's password from now on."""
    await session.execute(
        update(ACCOUNT).where(ACCOUNT.c.id == account_id).values(password_hash=password_hash)
    )


async def has_password(session: AsyncSession, account_id: UUID) -> bool:
    """Whether the account can be signed in to by a password."""
    query = select(ACCOUNT.c.password_hash.is_not(None)).where(ACCOUNT.c.id == account_id)
    return bool((await session.execute(query)).scalar_one_or_none())


async def forget(session: AsyncSession, account_id: UUID) -> None:
    """Erases all that says who the account was. Its id stays: a pseudonym that nothing leads back from."""
    await session.execute(
        update(ACCOUNT)
        .where(ACCOUNT.c.id == account_id)
        .values(
            email=None,
            email_verified_at=None,
            display_name="",
            password_hash=None,
            erased_at=func.zhihao_now(),
        )
    )


async def _suspended(session: AsyncSession, account_id: UUID) -> bool:
    query = select(ACCOUNT.c.suspended_at).where(ACCOUNT.c.id == account_id, ACCOUNT.c.erased_at.is_(None))
    row = (await session.execute(query.with_for_update())).one_or_none()
    if row is None:
        raise AccountNotFound("There is no such account.")
    return row.suspended_at is not None


def _account(row: Row[Any]) -> Account:
    return Account(row.id, row.email, row.display_name, row.created_at, row.email_verified_at is not None)
