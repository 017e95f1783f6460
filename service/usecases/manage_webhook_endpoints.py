"""Creators, and an organization's people, say where they want to hear of what happens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.accounts import audit, organizations
from service.accounts.organizations import KEEPERS_OF_KEYS
from service.outgoing import endpoints
from service.outgoing.endpoints import Endpoint, InvalidEndpoint, Owner, check_types
from service.platform.egress import Egress, EgressRefused
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context
from service.usecases.deliver_webhooks import sealing_key


@dataclass(frozen=True)
class EndpointSecret:
    """An endpoint with its secret, which is shown this once."""

    endpoint: Endpoint
    secret: str


async def require_owner(session: AsyncSession | AsyncConnection, owner: Owner, actor_id: UUID) -> None:
    """That ``actor_id`` may act for the owner. Raises ``OrganizationNotFound`` and ``RoleMissing``."""
    if owner.organization_id is not None:
        await organizations.require_role(session, owner.organization_id, actor_id, *KEEPERS_OF_KEYS)


async def check_owner(context: Context, *, owner: Owner, actor_id: UUID) -> None:
    """As ``require_owner``, where nothing else is asked of the database."""
    async with context.database.reading() as connection:
        await require_owner(connection, owner, actor_id)


async def create_endpoint(
    context: Context,
    *,
    id: UUID,
    owner: Owner,
    actor_id: UUID,
    url: str,
    types: Sequence[str] | None,
    once: Once | None,
) -> EndpointSecret:
    """Hears of all that is announced from now on.

    Raises ``InvalidEndpoint``, ``TooManyEndpoints``, ``OrganizationNotFound`` and ``RoleMissing``.
    """
    settings = context.settings
    async with context.database.transaction() as session:
        await require_owner(session, owner, actor_id)
        if (kept := await claim(session, once, EndpointSecret)) is not None:
            return kept
        endpoint, secret = await endpoints.create(
            session,
            id=id,
            owner=owner,
            created_by=actor_id,
            url=_checked(context, url),
            types=check_types(owner, types),
            most=settings.outgoing_max_endpoints,
            key=sealing_key(settings),
        )
        await _record(session, owner, actor_id, "webhook_endpoint.created", id)
        made = EndpointSecret(endpoint, secret)
        await keep(session, once, made)
        return made


async def list_endpoints(
    context: Context, *, owner: Owner, actor_id: UUID, before: UUID | None, limit: int
) -> list[Endpoint]:
    """Newest first. Raises ``OrganizationNotFound`` and ``RoleMissing``."""
    async with context.database.reading() as connection:
        await require_owner(connection, owner, actor_id)
        return await endpoints.list_of(connection, owner=owner, before=before, limit=limit)


async def read_endpoint(context: Context, *, id: UUID, owner: Owner, actor_id: UUID) -> Endpoint:
    """Raises ``EndpointNotFound``, ``OrganizationNotFound`` and ``RoleMissing``."""
    async with context.database.reading() as connection:
        await require_owner(connection, owner, actor_id)
        return await endpoints.read(connection, id=id, owner=owner)


async def change_endpoint(
    context: Context, *, id: UUID, owner: Owner, actor_id: UUID, changes: dict[str, Any]
) -> Endpoint:
    """Changes ``url``, ``types`` or ``enabled``; what waited for a disabled one goes on when it is enabled.

    Raises ``EndpointNotFound``, ``InvalidEndpoint``, ``OrganizationNotFound`` and ``RoleMissing``.
    """
    async with context.database.transaction() as session:
        await require_owner(session, owner, actor_id)
        values = dict(changes)
        if "url" in values:
            values["url"] = _checked(context, values["url"])
        if "types" in values:
            values["types"] = check_types(owner, values["types"])
        changed = await endpoints.change(session, id=id, owner=owner, changes=values)
        await _record(session, owner, actor_id, "webhook_endpoint.changed", id)
        return changed


async def delete_endpoint(context: Context, *, id: UUID, owner: Owner, actor_id: UUID) -> None:
    """Raises ``EndpointNotFound``, ``OrganizationNotFound`` and ``RoleMissing``."""
    async with context.database.transaction() as session:
        await require_owner(session, owner, actor_id)
        await endpoints.remove(session, id=id, owner=owner)
        await _record(session, owner, actor_id, "webhook_endpoint.deleted", id)


async def rotate_secret(
    context: Context, *, id: UUID, owner: Owner, actor_id: UUID, overlap_seconds: int, once: Once | None
) -> EndpointSecret:
    """A new secret at once; for the overlap each message carries a signature of the old one too.

    Raises ``EndpointNotFound``, ``InvalidEndpoint``, ``OrganizationNotFound`` and ``RoleMissing``.
    """
    most = context.settings.outgoing_overlap_max_seconds
    if not 0 <= overlap_seconds <= most:
        raise InvalidEndpoint(f"An overlap is 0 to {most} seconds.", "/overlap_seconds")
    async with context.database.transaction() as session:
        await require_owner(session, owner, actor_id)
        if (kept := await claim(session, once, EndpointSecret)) is not None:
            return kept
        endpoint, secret = await endpoints.rotate(
            session,
            id=id,
            owner=owner,
            overlap=timedelta(seconds=overlap_seconds),
            key=sealing_key(context.settings),
        )
        await _record(session, owner, actor_id, "webhook_endpoint.rotated", id)
        made = EndpointSecret(endpoint, secret)
        await keep(session, once, made)
        return made


def _checked(context: Context, url: str) -> str:
    """The address as it will be sent to. Where its name leads is looked at each time something is sent."""
    settings = context.settings
    egress = context.egress or Egress(
        ports=settings.egress_port_numbers, allow_loopback=settings.egress_allow_loopback
    )
    try:
        target = egress.check(url)
    except EgressRefused as refused:
        raise InvalidEndpoint(str(refused), "/url") from None
    if settings.env == "production" and target.scheme != "https":
        raise InvalidEndpoint("An endpoint's address begins with https://.", "/url")
    return target.url


async def _record(session: AsyncSession, owner: Owner, actor_id: UUID, action: str, id: UUID) -> None:
    if owner.organization_id is not None:
        await audit.record(
            session, actor_id=actor_id, organization_id=owner.organization_id, action=action, subject=id
        )
