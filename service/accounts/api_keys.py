"""API keys: what each may do, and the hashes of its secrets. The gate reads these tables by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from service.accounts.secrets import Mode, secret_hash, shown
from service.accounts.tables import API_KEY, API_KEY_SECRET

Scope = Literal["passages:read", "answers:write"]


class KeyNotFound(Exception):
    """The organization has no such key, or it was revoked."""


class InvalidKey(Exception):
    """A limit of the key makes no sense; ``pointer`` says which."""

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer


class TooManyKeys(Exception):
    """The organization has as many live keys as the settings allow."""


@dataclass(frozen=True)
class KeyLimits:
    """What a key may do. ``rate_limit`` is calls a minute; ``None`` means no limit of that kind."""

    name: str
    scopes: Sequence[Scope]
    knowledge_base_ids: Sequence[UUID] | None = None
    monthly_cap: Money | None = None
    rate_limit: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Key:
    """A key as its organization sees it. ``prefix`` is the beginning of its newest secret."""

    id: UUID
    organization_id: UUID
    name: str
    mode: Mode
    prefix: str
    scopes: list[Scope]
    knowledge_base_ids: list[UUID] | None
    monthly_cap: Money | None
    rate_limit: int | None
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    last_used_at: datetime | None = None
    """When a call of it was last let in; known to those who list keys alone."""


async def create(
    session: AsyncSession,
    *,
    key_id: UUID,
    organization_id: UUID,
    created_by: UUID,
    limits: KeyLimits,
    secret: str,
    mode: Mode,
    most: int,
    now: datetime,
) -> Key:
    """Stores a key and the hash of its secret; the organization is locked by the caller.

    Raises ``TooManyKeys`` and ``InvalidKey``.
    """
    if limits.expires_at is not None and limits.expires_at <= now:
        raise InvalidKey("A key must expire in the future.", "/expires_at")
    live = select(func.count()).where(
        API_KEY.c.organization_id == organization_id, API_KEY.c.revoked_at.is_(None)
    )
    if (await session.execute(live)).scalar_one() >= most:
        raise TooManyKeys(f"An organization has at most {most} keys; delete one first.")
    cap, bases = limits.monthly_cap, limits.knowledge_base_ids
    made = await session.execute(
        insert(API_KEY)
        .values(
            id=key_id,
            organization_id=organization_id,
            name=limits.name,
            mode=mode,
            shown=shown(secret),
            scopes=sorted(set(limits.scopes)),
            knowledge_base_ids=None if bases is None else sorted(set(bases)),
            monthly_cap_amount=None if cap is None else cap.amount,
            monthly_cap_currency=None if cap is None else cap.currency,
            rate_limit=limits.rate_limit,
            expires_at=limits.expires_at,
            created_by=created_by,
            created_at=now,
        )
        .returning(*API_KEY.c)
    )
    key = _key(made.one())
    await _add_secret(session, key_id=key_id, secret=secret, now=now)
    return key


async def list_of(
    session: AsyncSession | AsyncConnection, *, organization_id: UUID, before: UUID | None, limit: int
) -> list[Key]:
    """An organization's keys, revoked ones too, newest first, below the id ``before``."""
    query = (
        select(API_KEY)
        .where(API_KEY.c.organization_id == organization_id)
        .order_by(API_KEY.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(API_KEY.c.id < before)
    return [_key(row) for row in await session.execute(query)]


async def makers_of(session: AsyncSession | AsyncConnection, organization_id: UUID) -> dict[UUID, UUID]:
    """Who made each of the organization's keys, those revoked too."""
    query = select(API_KEY.c.id, API_KEY.c.created_by).where(API_KEY.c.organization_id == organization_id)
    return {row.id: row.created_by for row in await session.execute(query)}


async def revoke(session: AsyncSession, *, key_id: UUID, organization_id: UUID) -> None:
    """Refused from the commit on. Raises ``KeyNotFound``."""
    gone = await session.execute(
        update(API_KEY)
        .where(*_live(key_id, organization_id))
        .values(revoked_at=func.zhihao_now())
        .returning(API_KEY.c.id)
    )
    if gone.one_or_none() is None:
        raise KeyNotFound("The organization has no such key.")


async def rotate(
    session: AsyncSession,
    *,
    key_id: UUID,
    organization_id: UUID,
    secret: str,
    overlap: timedelta,
    now: datetime,
) -> Key:
    """Gives the key a new secret; those before it work for ``overlap`` longer. Raises ``KeyNotFound``."""
    changed = await session.execute(
        update(API_KEY)
        .where(*_live(key_id, organization_id))
        .values(shown=shown(secret))
        .returning(*API_KEY.c)
    )
    row = changed.one_or_none()
    if row is None:
        raise KeyNotFound("The organization has no such key.")
    ends = now + overlap
    await session.execute(
        update(API_KEY_SECRET)
        .where(API_KEY_SECRET.c.key_id == key_id)
        .values(expires_at=func.least(func.coalesce(API_KEY_SECRET.c.expires_at, ends), ends))
    )
    await _add_secret(session, key_id=key_id, secret=secret, now=now)
    return _key(row)


async def _add_secret(session: AsyncSession, *, key_id: UUID, secret: str, now: datetime) -> None:
    await session.execute(
        insert(API_KEY_SECRET).values(secret_hash=secret_hash(secret), key_id=key_id, created_at=now)
    )


def _live(key_id: UUID, organization_id: UUID) -> tuple[Any, ...]:
    return (
        API_KEY.c.id == key_id,
        API_KEY.c.organization_id == organization_id,
        API_KEY.c.revoked_at.is_(None),
    )


def _key(row: Row[Any]) -> Key:
    cap = None
    if row.monthly_cap_amount is not None:
        cap = Money(row.monthly_cap_amount, row.monthly_cap_currency)
    return Key(
        id=row.id,
        organization_id=row.organization_id,
        name=row.name,
        mode=row.mode,
        prefix=row.shown,
        scopes=row.scopes,
        knowledge_base_ids=row.knowledge_base_ids,
        monthly_cap=cap,
        rate_limit=row.rate_limit,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        created_at=row.created_at,
    )
