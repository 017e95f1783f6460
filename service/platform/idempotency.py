"""Idempotency keys: the same request twice has one effect and one answer.

A use case claims the caller's key first thing in its transaction and keeps its result in the same one, so
that key, effect and answer are there together or not at all. What raises leaves nothing behind: an error is
never replayed, it is asked again.

Keys are stored hashed. Results are sealed with a key derived from the service's secret and the caller's own
Idempotency-Key, since some of them hold a secret that is shown once.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from service.platform.database import Database
from service.platform.sealing import SealBroken, seal, unseal
from service.platform.tables import IDEMPOTENCY_KEY

T = TypeVar("T")

LEASE_SECONDS = 60
KEPT_HOURS = 24


class IdempotencyConflict(Exception):
    """The key was used before with another request."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used before with another request.")


class IdempotencyInProgress(Exception):
    """The first request with this key has not ended yet."""

    headers = {"Retry-After": "1"}  # noqa: RUF012 -- read-only, as Exception's own attributes are

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key is still running.")


@dataclass(frozen=True)
class Once:
    """A request that is to have its effect once.

    ``principal`` is who asks, ``route`` the method and route template, ``fingerprint`` a digest of all that
    was asked. ``sealing_key`` seals the kept result; without one it is kept in the clear, which only callers
    that answer no secret may do. A claim without a result may be taken over after ``lease_seconds``.
    """

    principal: str
    route: str
    key: str
    fingerprint: bytes
    sealing_key: bytes | None = None
    lease_seconds: int = LEASE_SECONDS
    kept_hours: int = KEPT_HOURS

    @property
    def digest(self) -> bytes:
        """What the row is found by: SHA-256 of principal, route and key."""
        return hashlib.sha256("\0".join((self.principal, self.route, self.key)).encode()).digest()


async def claim(session: AsyncSession, once: Once | None, kind: type[T]) -> T | None:
    """The kept result of this request, to be answered again, or ``None``: the caller must do the work.

    Raises ``IdempotencyConflict`` and ``IdempotencyInProgress``. Does nothing for ``None``.
    """
    if once is None:
        return None
    await _alone(session, once)
    table = IDEMPOTENCY_KEY.c
    now = func.zhihao_now()
    row = (
        await session.execute(
            select(
                table.fingerprint,
                table.result,
                (table.claimed_at < now - timedelta(seconds=once.lease_seconds)).label("abandoned"),
                (table.created_at < now - timedelta(hours=once.kept_hours)).label("expired"),
            ).where(table.digest == once.digest)
        )
    ).one_or_none()
    if row is None:
        await session.execute(
            insert(IDEMPOTENCY_KEY).values(
                digest=once.digest, fingerprint=once.fingerprint, created_at=now, claimed_at=now
            )
        )
        return None
    if row.expired:
        await _claim_again(session, once, result=None, fingerprint=once.fingerprint, created_at=now)
        return None
    if row.fingerprint != once.fingerprint:
        raise IdempotencyConflict
    if row.result is None:
        if not row.abandoned:
            raise IdempotencyInProgress
        await _claim_again(session, once)
        return None
    return _opened(once, row.result, kind)


@dataclass(frozen=True)
class Begun:
    """Since when a claim stands that has no result yet; ``again``: another had it before, and fell."""

    since: datetime
    again: bool


async def begun_at(session: AsyncSession, once: Once) -> Begun:
    """Of a claim that the caller holds."""
    table = IDEMPOTENCY_KEY.c
    query = select(table.created_at, table.claimed_at).where(table.digest == once.digest)
    row = (await session.execute(query)).one()
    return Begun(row.created_at, row.claimed_at > row.created_at)


async def keep(session: AsyncSession, once: Once | None, result: object) -> None:
    """Keeps what was answered, beside the effect and in its transaction. Does nothing for ``None``."""
    if once is None:
        return
    plain = msgspec.json.encode(result)
    stored = plain if once.sealing_key is None else seal(once.sealing_key, plain, bound=once.digest)
    await session.execute(
        update(IDEMPOTENCY_KEY).where(IDEMPOTENCY_KEY.c.digest == once.digest).values(result=stored)
    )


async def forget(session: AsyncSession, once: Once | None) -> None:
    """Gives up a claim whose work came to nothing, so that it may be tried again at once. For work that
    claims in one transaction and keeps in another. Does nothing for ``None``, nor to a kept result."""
    if once is not None:
        mine = (IDEMPOTENCY_KEY.c.digest == once.digest, IDEMPOTENCY_KEY.c.result.is_(None))
        await session.execute(delete(IDEMPOTENCY_KEY).where(*mine))


async def drop(session: AsyncSession, once: Once | None) -> None:
    """Gives up a result that was kept before its work was done and did not hold. ``None``: does nothing."""
    if once is not None:
        await session.execute(delete(IDEMPOTENCY_KEY).where(IDEMPOTENCY_KEY.c.digest == once.digest))


@asynccontextmanager
async def forgotten_on_failure(database: Database, once: Once | None) -> AsyncIterator[None]:
    """Around work that claimed in a transaction before it: what fails inside may be tried again at once.

    A crash leaves the claim to its lease, since nobody knows then how far the work had come.
    """
    try:
        yield
    except Exception:
        async with database.transaction() as session:
            await forget(session, once)
        raise


async def purge(session: AsyncSession, *, kept_hours: int, limit: int = 10_000) -> int:
    """Forgets keys older than ``kept_hours``, at most ``limit`` at once; returns how many."""
    old = (
        select(IDEMPOTENCY_KEY.c.digest)
        .where(IDEMPOTENCY_KEY.c.created_at < func.zhihao_now() - timedelta(hours=kept_hours))
        .limit(limit)
    )
    gone = await session.execute(
        delete(IDEMPOTENCY_KEY).where(IDEMPOTENCY_KEY.c.digest.in_(old)).returning(IDEMPOTENCY_KEY.c.digest)
    )
    return len(gone.all())


async def _alone(session: AsyncSession, once: Once) -> None:
    """Refuses a second request while the first one's transaction is open, rather than wait for it."""
    lock = int.from_bytes(once.digest[:8], "big", signed=True)
    taken = await session.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock})
    if not taken.scalar_one():
        raise IdempotencyInProgress


async def _claim_again(session: AsyncSession, once: Once, **values: Any) -> None:
    await session.execute(
        update(IDEMPOTENCY_KEY)
        .where(IDEMPOTENCY_KEY.c.digest == once.digest)
        .values(claimed_at=func.zhihao_now(), **values)
    )


def _opened(once: Once, stored: bytes, kind: type[T]) -> T:
    if once.sealing_key is None:
        return msgspec.json.decode(stored, type=kind)
    try:
        plain = unseal(once.sealing_key, stored, bound=once.digest)
    except SealBroken:
        # The service's secret was changed since. The effect stands; its answer cannot be shown again.
        raise IdempotencyConflict from None
    return msgspec.json.decode(plain, type=kind)
