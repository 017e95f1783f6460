"""An organization's people make, list, rotate and delete its API keys."""

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering import counters
from service.accounts import api_keys, audit, organizations
from service.accounts.api_keys import InvalidKey, Key, KeyLimits
from service.accounts.organizations import KEEPERS_OF_KEYS
from service.accounts.secrets import Mode, new_secret
from service.outgoing.events import announce
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context


@dataclass(frozen=True)
class NewSecret:
    """A key with its secret, which is shown this once."""

    key: Key
    secret: str


async def create_key(
    context: Context,
    *,
    key_id: UUID,
    organization_id: UUID,
    actor_id: UUID,
    limits: KeyLimits,
    once: Once | None = None,
) -> NewSecret:
    """A key that works from the answer on; whether its calls are admitted is the contract's matter.

    Raises ``OrganizationNotFound``, ``RoleMissing``, ``InvalidKey``, ``TooManyKeys``.
    """
    settings = context.settings
    if limits.monthly_cap is not None and limits.monthly_cap.currency != settings.currency:
        raise InvalidKey(f"Calls are metered in {settings.currency}.", "/monthly_cap/currency")
    async with context.database.transaction() as session:
        await organizations.require_role(session, organization_id, actor_id, *KEEPERS_OF_KEYS)
        if (kept := await claim(session, once, NewSecret)) is not None:
            return kept
        await organizations.lock(session, organization_id)
        mode = mode_of_service(context)
        secret = new_secret(mode)
        key = await api_keys.create(
            session,
            key_id=key_id,
            organization_id=organization_id,
            created_by=actor_id,
            limits=limits,
            secret=secret,
            mode=mode,
            most=settings.organization_max_keys,
            now=await zhihao_now(session),
        )
        await audit.record(
            session,
            actor_id=actor_id,
            organization_id=organization_id,
            action="key.created",
            subject=key_id,
            detail={"scopes": " ".join(key.scopes)},
        )
        await _tell(session, "key.created", key, created_by=actor_id)
        made = NewSecret(key, secret)
        await keep(session, once, made)
        return made


async def list_keys(
    context: Context, *, organization_id: UUID, account_id: UUID, before: UUID | None, limit: int
) -> list[Key]:
    """For every member, without secrets. Raises ``OrganizationNotFound``."""
    async with context.database.reading() as connection:
        await organizations.require_role(connection, organization_id, account_id)
        keys = await api_keys.list_of(connection, organization_id=organization_id, before=before, limit=limit)
        used = await counters.last_used(connection, [key.id for key in keys])
    return [dataclasses.replace(key, last_used_at=used.get(key.id)) for key in keys]


async def delete_key(context: Context, *, organization_id: UUID, actor_id: UUID, key_id: UUID) -> None:
    """Refused from the next call on. Raises ``OrganizationNotFound``, ``RoleMissing``, ``KeyNotFound``."""
    async with context.database.transaction() as session:
        await organizations.require_role(session, organization_id, actor_id, *KEEPERS_OF_KEYS)
        await api_keys.revoke(session, key_id=key_id, organization_id=organization_id)
        await audit.record(
            session,
            actor_id=actor_id,
            organization_id=organization_id,
            action="key.deleted",
            subject=key_id,
        )
        await announce(
            session,
            "key.revoked",
            organization_id=organization_id,
            object_id=key_id,
            data={"id": key_id, "revoked_by": actor_id},
        )


async def rotate_key(
    context: Context,
    *,
    organization_id: UUID,
    actor_id: UUID,
    key_id: UUID,
    overlap_seconds: int,
    once: Once | None = None,
) -> NewSecret:
    """A new secret at once; those before it work for the overlap.

    Raises ``OrganizationNotFound``, ``RoleMissing``, ``KeyNotFound``, ``InvalidKey``.
    """
    most = context.settings.key_rotation_overlap_max_seconds
    if not 0 <= overlap_seconds <= most:
        raise InvalidKey(f"An overlap is 0 to {most} seconds.", "/overlap_seconds")
    async with context.database.transaction() as session:
        await organizations.require_role(session, organization_id, actor_id, *KEEPERS_OF_KEYS)
        if (kept := await claim(session, once, NewSecret)) is not None:
            return kept
        secret = new_secret(mode_of_service(context))
        key = await api_keys.rotate(
            session,
            key_id=key_id,
            organization_id=organization_id,
            secret=secret,
            overlap=timedelta(seconds=overlap_seconds),
            now=await zhihao_now(session),
        )
        await audit.record(
            session,
            actor_id=actor_id,
            organization_id=organization_id,
            action="key.rotated",
            subject=key_id,
            detail={"overlap_seconds": overlap_seconds},
        )
        await _tell(session, "key.rotated", key, rotated_by=actor_id)
        made = NewSecret(key, secret)
        await keep(session, once, made)
        return made


async def _tell(session: AsyncSession, type: str, key: Key, **who: UUID) -> None:
    """Announces a key; its secret is nobody's to hear."""
    await announce(
        session,
        type,
        organization_id=key.organization_id,
        object_id=key.id,
        data={"id": key.id, "name": key.name, "prefix": key.prefix, "scopes": list(key.scopes), **who},
    )


def mode_of_service(context: Context) -> Mode:
    """On the sandbox no key is worth money, and its prefix says so."""
    return "test" if context.settings.sandbox else "live"
