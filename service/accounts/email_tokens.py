"""Tokens that letters carry: whoever brings one back reads the mail of the account's address.

256 random bits, kept as a SHA-256, good once and for a time. Times are the database's own ``now()``, as those
of sessions are.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.tables import EMAIL_TOKEN

Purpose = Literal["verification", "reset"]

RANDOM_BYTES = 32
LONGEST = 128
WINDOW = timedelta(hours=1)
KEPT = timedelta(days=1)


class InvalidEmailToken(Exception):
    """The token of a letter is unknown, used before, replaced, or too old."""

    pointer = "/token"


async def issue(
    session: AsyncSession, *, account_id: UUID, purpose: Purpose, lifetime: timedelta, most: int
) -> str | None:
    """A new token. ``None`` when the account was given ``most`` of this purpose within the hour: nobody's
    mail is flooded from here. The caller has the account locked, so that two at once are counted."""
    recent = select(func.count()).where(
        EMAIL_TOKEN.c.account_id == account_id,
        EMAIL_TOKEN.c.purpose == purpose,
        EMAIL_TOKEN.c.created_at > func.now() - WINDOW,
    )
    if (await session.execute(recent)).scalar_one() >= most:
        return None
    token = secrets.token_urlsafe(RANDOM_BYTES)
    await session.execute(
        insert(EMAIL_TOKEN).values(
            token_hash=_hash(token),
            account_id=account_id,
            purpose=purpose,
            created_at=func.now(),
            expires_at=func.now() + lifetime,
        )
    )
    return token


async def redeem(session: AsyncSession, *, token: str, purpose: Purpose) -> UUID:
    """Uses the token up, and with it every other of its purpose; returns whose address it was sent to.

    Raises ``InvalidEmailToken``.
    """
    used = await session.execute(
        update(EMAIL_TOKEN)
        .where(
            EMAIL_TOKEN.c.token_hash == _hash(token),
            EMAIL_TOKEN.c.purpose == purpose,
            EMAIL_TOKEN.c.used_at.is_(None),
            EMAIL_TOKEN.c.expires_at > func.now(),
        )
        .values(used_at=func.now())
        .returning(EMAIL_TOKEN.c.account_id)
    )
    account_id: UUID | None = used.scalar_one_or_none()
    if account_id is None:
        raise InvalidEmailToken("This link is not valid any more. Ask for a new one.")
    await session.execute(
        update(EMAIL_TOKEN)
        .where(
            EMAIL_TOKEN.c.account_id == account_id,
            EMAIL_TOKEN.c.purpose == purpose,
            EMAIL_TOKEN.c.used_at.is_(None),
        )
        .values(used_at=func.now())
    )
    return account_id


async def forget(session: AsyncSession, *, account_id: UUID) -> None:
    """Throws an account's tokens away."""
    await session.execute(delete(EMAIL_TOKEN).where(EMAIL_TOKEN.c.account_id == account_id))


async def purge(session: AsyncSession) -> None:
    """Forgets those that ran out a day ago."""
    await session.execute(delete(EMAIL_TOKEN).where(EMAIL_TOKEN.c.expires_at < func.now() - KEPT))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token[:LONGEST].encode()).digest()
