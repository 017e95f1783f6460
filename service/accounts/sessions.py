"""Login sessions and their refresh tokens.

A session is a family: each refresh token is good once and makes the next. One that comes a second time was
copied by somebody, so its whole family ends, and with it the access tokens. Times are the database's own
``now()``: moving a sandbox's test clock signs nobody out.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.accounts.tables import LOGIN_SESSION, REFRESH_TOKEN

PREFIX = "zh_refresh_"
RANDOM_BYTES = 32
LONGEST = 128
LONGEST_USER_AGENT = 300


class SessionNotFound(Exception):
    """No such session of this account, or it has ended."""


class RefreshRejected(Exception):
    """The refresh token is unknown, expired, used before, or of a session that has ended."""

    headers = {"WWW-Authenticate": "Bearer"}  # noqa: RUF012 -- read-only, as Exception's own attributes are


@dataclass(frozen=True)
class Refreshed:
    """The session goes on: its next refresh token, and how it stands at the database's clock."""

    account_id: UUID
    session_id: UUID
    refresh_token: str
    at: int


@dataclass(frozen=True)
class LoginSession:
    """Where an account is signed in. ``user_agent`` is what the device called itself; ``last_used_at`` is
    when its tokens were last refreshed, so it is late by an access token's life at most. ``current`` is the
    session that asks."""

    id: UUID
    user_agent: str | None
    created_at: datetime
    last_used_at: datetime
    current: bool


async def start(
    session: AsyncSession,
    *,
    session_id: UUID,
    account_id: UUID,
    lifetime: timedelta,
    user_agent: str | None = None,
) -> Refreshed:
    """A new sign-in with its first refresh token."""
    await session.execute(
        insert(LOGIN_SESSION).values(
            id=session_id,
            account_id=account_id,
            created_at=func.now(),
            last_used_at=func.now(),
            user_agent=user_agent[:LONGEST_USER_AGENT] if user_agent else None,
        )
    )
    return await _issue(session, session_id=session_id, account_id=account_id, lifetime=lifetime)


async def rotate(session: AsyncSession, *, refresh_token: str, lifetime: timedelta) -> Refreshed | None:
    """Exchanges a refresh token for the next. ``None`` when it was used before: the family has been ended,
    which the caller commits before it refuses. Raises ``RefreshRejected``."""
    token = (
        await session.execute(
            select(
                REFRESH_TOKEN.c.session_id,
                REFRESH_TOKEN.c.used_at,
                (REFRESH_TOKEN.c.expires_at <= func.now()).label("expired"),
            )
            .where(REFRESH_TOKEN.c.token_hash == _hash(refresh_token))
            .with_for_update()
        )
    ).one_or_none()
    if token is None or token.expired:
        raise RefreshRejected("The refresh token is unknown or has expired.")
    if token.used_at is not None:
        await end(session, session_id=token.session_id)
        return None
    account_id = await holder(session, session_id=token.session_id)
    if account_id is None:
        raise RefreshRejected("The session of this refresh token has ended.")
    await session.execute(
        update(REFRESH_TOKEN)
        .where(REFRESH_TOKEN.c.token_hash == _hash(refresh_token))
        .values(used_at=func.now())
    )
    await session.execute(
        update(LOGIN_SESSION).where(LOGIN_SESSION.c.id == token.session_id).values(last_used_at=func.now())
    )
    return await _issue(session, session_id=token.session_id, account_id=account_id, lifetime=lifetime)


async def end(session: AsyncSession, *, session_id: UUID) -> None:
    """Ends one session: its tokens are refused once the transaction commits."""
    await session.execute(
        update(LOGIN_SESSION)
        .where(LOGIN_SESSION.c.id == session_id, LOGIN_SESSION.c.ended_at.is_(None))
        .values(ended_at=func.now())
    )


async def list_live(
    session: AsyncSession | AsyncConnection,
    *,
    account_id: UUID,
    current: UUID,
    before: UUID | None,
    limit: int,
) -> list[LoginSession]:
    """Where the account is signed in, newest first, below the id ``before``."""
    table = LOGIN_SESSION.c
    query = (
        select(
            table.id,
            table.user_agent,
            table.created_at,
            func.coalesce(table.last_used_at, table.created_at).label("last_used_at"),
            (table.id == current).label("current"),
        )
        .where(table.account_id == account_id, table.ended_at.is_(None), _refreshable().exists())
        .order_by(table.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(table.id < before)
    return [LoginSession(**row._mapping) for row in await session.execute(query)]


async def end_own(session: AsyncSession, *, session_id: UUID, account_id: UUID) -> None:
    """Ends one session of the account. Raises ``SessionNotFound``."""
    ended = await session.execute(
        update(LOGIN_SESSION)
        .where(
            LOGIN_SESSION.c.id == session_id,
            LOGIN_SESSION.c.account_id == account_id,
            LOGIN_SESSION.c.ended_at.is_(None),
        )
        .values(ended_at=func.now())
        .returning(LOGIN_SESSION.c.id)
    )
    if ended.one_or_none() is None:
        raise SessionNotFound("There is no such session.")


async def holder(session: AsyncSession, *, session_id: UUID) -> UUID | None:
    """Whose session it is, if it lives."""
    query = select(LOGIN_SESSION.c.account_id).where(
        LOGIN_SESSION.c.id == session_id, LOGIN_SESSION.c.ended_at.is_(None)
    )
    account_id: UUID | None = (await session.execute(query)).scalar_one_or_none()
    return account_id


async def forget_devices(session: AsyncSession, *, account_id: UUID) -> None:
    """Forgets what the account's devices called themselves."""
    await session.execute(
        update(LOGIN_SESSION).where(LOGIN_SESSION.c.account_id == account_id).values(user_agent=None)
    )


async def end_all(session: AsyncSession, *, account_id: UUID) -> None:
    """Ends every session of an account."""
    await session.execute(
        update(LOGIN_SESSION)
        .where(LOGIN_SESSION.c.account_id == account_id, LOGIN_SESSION.c.ended_at.is_(None))
        .values(ended_at=func.now())
    )


async def purge(session: AsyncSession, *, lifetime: timedelta, limit: int = 10_000) -> int:
    """Forgets sessions none of whose refresh tokens can be used any more; returns how many."""
    dead = (
        select(LOGIN_SESSION.c.id)
        .where(LOGIN_SESSION.c.created_at < func.now() - lifetime, ~_refreshable().exists())
        .limit(limit)
    )
    gone = await session.execute(
        delete(LOGIN_SESSION).where(LOGIN_SESSION.c.id.in_(dead)).returning(LOGIN_SESSION.c.id)
    )
    return len(gone.all())


def _refreshable() -> Select[tuple[bytes]]:
    """Refresh tokens of a session that can still be used."""
    return select(REFRESH_TOKEN.c.token_hash).where(
        REFRESH_TOKEN.c.session_id == LOGIN_SESSION.c.id, REFRESH_TOKEN.c.expires_at > func.now()
    )


async def _issue(
    session: AsyncSession, *, session_id: UUID, account_id: UUID, lifetime: timedelta
) -> Refreshed:
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    issued = await session.execute(
        insert(REFRESH_TOKEN)
        .values(
            token_hash=_hash(token),
            session_id=session_id,
            created_at=func.now(),
            expires_at=func.now() + lifetime,
        )
        .returning(REFRESH_TOKEN.c.created_at)
    )
    return Refreshed(account_id, session_id, token, int(issued.scalar_one().timestamp()))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token[:LONGEST].encode()).digest()
