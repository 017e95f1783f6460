"""Profiles: the public face of a creator. One account has at most one."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.knowledge.tables import profile

HANDLE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,38}[A-Za-z0-9])?")
"""1 to 40 letters, digits, ``_``, ``-`` or ``.``; Latin only, since look-alikes of other scripts deceive."""
RESERVED = frozenset({"admin", "administrator", "operator", "support", "zhihao", "me", "api", "root"})


class InvalidHandle(Exception):
    """The handle is not of the allowed form, or reserved."""


class HandleTaken(Exception):
    """Another creator has this handle; upper and lower case count as the same."""


class ProfileNotFound(Exception):
    """There is no such creator."""


@dataclass(frozen=True, slots=True)
class ProfileFact:
    account_id: UUID
    handle: str
    name: str
    bio: str
    created_at: datetime
    updated_at: datetime


def _fact(row: sa.Row[tuple[object, ...]]) -> ProfileFact:
    values = row._mapping
    return ProfileFact(**{name: values[name] for name in ProfileFact.__slots__})


async def put_profile(
    session: AsyncSession, *, account_id: UUID, handle: str, name: str, bio: str
) -> ProfileFact:
    """Makes or replaces the account's profile. Raises ``InvalidHandle`` and ``HandleTaken``."""
    key = handle.lower()
    if not HANDLE.fullmatch(handle) or key in RESERVED:
        raise InvalidHandle(
            "A handle is 1 to 40 Latin letters, digits, '_', '-' or '.', and not a reserved word."
        )
    values = {"handle": handle, "handle_key": key, "name": name, "bio": bio}
    # The handle's own lock, so that of two who want it one is told, and no transaction fails.
    await session.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"handle:{key}", 0)))
    )
    holder = await session.scalar(sa.select(profile.c.account_id).where(profile.c.handle_key == key))
    if holder not in (None, account_id):
        raise HandleTaken("Another creator has this handle.")
    statement = (
        insert(profile)
        .values(account_id=account_id, **values)
        .on_conflict_do_update(
            index_elements=["account_id"], set_={**values, "updated_at": sa.func.zhihao_now()}
        )
        .returning(profile)
    )
    return _fact((await session.execute(statement)).one())


async def find_by_handle(session: AsyncSession | AsyncConnection, handle: str) -> ProfileFact:
    """The profile of a handle, in whatever case it is written. Raises ``ProfileNotFound``."""
    key = handle.lower()
    row = (await session.execute(sa.select(profile).where(profile.c.handle_key == key))).one_or_none()
    if row is None:
        raise ProfileNotFound("There is no creator of this handle.")
    return _fact(row)


async def handles_of(
    session: AsyncSession | AsyncConnection, account_ids: Collection[UUID]
) -> dict[UUID, str]:
    """The handles of those accounts that have a profile."""
    query = sa.select(profile.c.account_id, profile.c.handle).where(profile.c.account_id.in_(account_ids))
    return {row.account_id: row.handle for row in await session.execute(query)}


async def get_profile(session: AsyncSession | AsyncConnection, account_id: UUID) -> ProfileFact:
    """Raises ``ProfileNotFound``."""
    row = (await session.execute(sa.select(profile).where(profile.c.account_id == account_id))).one_or_none()
    if row is None:
        raise ProfileNotFound("This account has no profile yet.")
    return _fact(row)
