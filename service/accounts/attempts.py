"""Sign-ins under way at a provider: a browser is sent there, and comes back once.

The browser carries a random secret in a cookie; here is only its hash. What travels through the provider
(state, nonce, PKCE's verifier) is derived from the secret, so a row that leaks opens nothing, and an address
that somebody else's browser was sent to is of no use without the cookie.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts.tables import SIGN_IN_ATTEMPT

_ROW = SIGN_IN_ATTEMPT.c


class AttemptUnknown(Exception):
    """This browser has begun no such sign-in, it took too long, or it came back already."""


@dataclass(frozen=True)
class Attempt:
    """What was begun. ``session_id`` is set when an identity is to be linked to that session's account."""

    session_id: UUID | None
    return_to: str | None


async def begin(
    session: AsyncSession,
    *,
    browser: str,
    provider: str,
    session_id: UUID | None,
    return_to: str | None,
    lifetime: timedelta,
) -> None:
    """A browser with this secret goes to the provider."""
    await session.execute(
        insert(SIGN_IN_ATTEMPT).values(
            browser_hash=_hash(browser),
            provider=provider,
            session_id=session_id,
            return_to=return_to,
            created_at=func.now(),
            expires_at=func.now() + lifetime,
        )
    )


async def come_back(session: AsyncSession, *, browser: str, provider: str) -> Attempt:
    """The browser is back from the provider it was sent to, for the first time and in time.

    Raises ``AttemptUnknown``. The caller commits before it goes on: a second return is refused whatever
    comes of the first.
    """
    row = (
        await session.execute(
            update(SIGN_IN_ATTEMPT)
            .where(
                _ROW.browser_hash == _hash(browser),
                _ROW.provider == provider,
                _ROW.returned_at.is_(None),
                _ROW.expires_at > func.now(),
            )
            .values(returned_at=func.now())
            .returning(_ROW.session_id, _ROW.return_to)
        )
    ).one_or_none()
    if row is None:
        raise AttemptUnknown("This browser has no such sign-in under way. Begin again.")
    return Attempt(row.session_id, row.return_to)


async def succeed(
    session: AsyncSession, *, browser: str, ticket: str, account_id: UUID, lifetime: timedelta
) -> None:
    """It came back as this account: the browser's new secret, ``ticket``, fetches the tokens once."""
    await session.execute(
        update(SIGN_IN_ATTEMPT)
        .where(_ROW.browser_hash == _hash(browser), _ROW.returned_at.is_not(None))
        .values(browser_hash=_hash(ticket), account_id=account_id, expires_at=func.now() + lifetime)
    )


async def redeem(session: AsyncSession, *, ticket: str) -> UUID:
    """Who came back with this ticket, which is used up. Raises ``AttemptUnknown``."""
    gone = await session.execute(
        delete(SIGN_IN_ATTEMPT)
        .where(_ROW.browser_hash == _hash(ticket), _ROW.account_id.is_not(None), _ROW.expires_at > func.now())
        .returning(_ROW.account_id)
    )
    account_id: UUID | None = gone.scalar_one_or_none()
    if account_id is None:
        raise AttemptUnknown("There is no sign-in to be fetched by this browser. Begin again.")
    return account_id


async def purge(session: AsyncSession, *, limit: int = 10_000) -> None:
    """Forgets those that took too long."""
    old = select(_ROW.browser_hash).where(_ROW.expires_at < func.now()).limit(limit)
    await session.execute(delete(SIGN_IN_ATTEMPT).where(_ROW.browser_hash.in_(old)))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
