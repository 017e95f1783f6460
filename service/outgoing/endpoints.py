"""Endpoints: where a creator or an organization hears of what happened, and the secrets it is signed with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, case, delete, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.outgoing.catalogue import types_for
from service.outgoing.signing import new_secret
from service.outgoing.tables import outgoing_event, webhook_delivery, webhook_endpoint, webhook_secret
from service.platform.ids import new_id
from service.platform.sealing import seal, unseal

Reason = Literal["owner", "failing", "gone"]


class EndpointNotFound(Exception):
    """No such endpoint of this owner."""


class EndpointDisabled(Exception):
    """The endpoint is not enabled: nothing is sent to it."""


class InvalidEndpoint(Exception):
    """Not an address to send to, or not types of events to listen for."""

    def __init__(self, detail: str, pointer: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


class TooManyEndpoints(Exception):
    """The owner has as many endpoints as the settings allow."""


@dataclass(frozen=True)
class Owner:
    """Whose endpoints and events: a creator's, or an organization's."""

    account_id: UUID | None = None
    organization_id: UUID | None = None

    def of(self, table: Table) -> ColumnElement[bool]:
        """The rows of ``table`` that are this owner's."""
        if self.organization_id is not None:
            return table.c.organization_id == self.organization_id
        return table.c.account_id == self.account_id


@dataclass(frozen=True)
class Endpoint:
    """``types`` is null for all of them. ``failing_since`` is when the first of the present failures was."""

    id: UUID
    url: str
    types: list[str] | None
    enabled: bool
    disabled_reason: Reason | None
    failing_since: datetime | None
    created_at: datetime


_FACT = tuple(webhook_endpoint.c[name] for name in Endpoint.__dataclass_fields__)


def check_types(owner: Owner, types: Sequence[str] | None) -> list[str] | None:
    """Types this owner can hear of, each once. Raises ``InvalidEndpoint``."""
    if types is None:
        return None
    known = {each.type for each in types_for("creator" if owner.account_id else "organization")}
    for index, type in enumerate(types):
        if type not in known:
            raise InvalidEndpoint(f"There is no event {type!r}.", f"/types/{index}")
    return list(dict.fromkeys(types))


async def create(
    session: AsyncSession,
    *,
    id: UUID,
    owner: Owner,
    created_by: UUID,
    url: str,
    types: list[str] | None,
    most: int,
    key: bytes,
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret. ``key`` seals the secret. Raises ``TooManyEndpoints``."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
    await session.execute(lock, {"key": f"endpoints:{owner.account_id or owner.organization_id}"})
    count = select(func.count()).where(owner.of(webhook_endpoint), webhook_endpoint.c.deleted_at.is_(None))
    if (await session.execute(count)).scalar_one() >= most:
        raise TooManyEndpoints(f"There are at most {most} endpoints.")
    made = await session.execute(
        insert(webhook_endpoint)
        .values(
            id=id,
            account_id=owner.account_id,
            organization_id=owner.organization_id,
            created_by=created_by,
            url=url,
            types=types,
        )
        .returning(*_FACT)
    )
    return _endpoint(made.one()), await _add_secret(session, id, key)


async def read(
    session: AsyncSession | AsyncConnection, *, id: UUID, owner: Owner, lock: bool = False
) -> Endpoint:
    """Raises ``EndpointNotFound``."""
    query = select(*_FACT).where(*_is(id, owner))
    row = (await session.execute(query.with_for_update() if lock else query)).one_or_none()
    if row is None:
        raise EndpointNotFound("There is no such endpoint.")
    return _endpoint(row)


async def list_of(
    session: AsyncSession | AsyncConnection, *, owner: Owner, before: UUID | None, limit: int
) -> list[Endpoint]:
    """Newest first, below the id ``before``."""
    query = select(*_FACT).where(owner.of(webhook_endpoint), webhook_endpoint.c.deleted_at.is_(None))
    if before is not None:
        query = query.where(webhook_endpoint.c.id < before)
    rows = await session.execute(query.order_by(webhook_endpoint.c.id.desc()).limit(limit))
    return [_endpoint(row) for row in rows]


async def change(session: AsyncSession, *, id: UUID, owner: Owner, changes: dict[str, Any]) -> Endpoint:
    """Writes ``url``, ``types`` or ``enabled``. Raises ``EndpointNotFound``.

    What waits for a disabled endpoint is held, and goes on when it is enabled again.
    """
    before = await read(session, id=id, owner=owner, lock=True)
    values = dict(changes)
    enabled: bool = values.pop("enabled", before.enabled)
    if enabled != before.enabled:
        await _set_enabled(session, id, None if enabled else "owner")
    if "types" in values:
        values["listens_since"] = func.zhihao_now()
    if values:
        await session.execute(update(webhook_endpoint).where(webhook_endpoint.c.id == id).values(**values))
    return await read(session, id=id, owner=owner)


async def owner_of(session: AsyncSession | AsyncConnection, id: UUID) -> Owner:
    """Whose endpoint it is, deleted or not."""
    table = webhook_endpoint.c
    row = (await session.execute(select(table.account_id, table.organization_id).where(table.id == id))).one()
    return Owner(row.account_id, row.organization_id)


async def disable(session: AsyncSession, id: UUID, reason: Reason) -> None:
    """Sends nothing more to an endpoint whose row the caller has locked."""
    await _set_enabled(session, id, reason)


async def forget_account(session: AsyncSession, *, account_id: UUID) -> None:
    """Throws away an account's own endpoints, and what they were told."""
    mine = Owner(account_id=account_id)
    await session.execute(delete(webhook_endpoint).where(mine.of(webhook_endpoint)))
    await session.execute(delete(outgoing_event).where(mine.of(outgoing_event)))


async def remove(session: AsyncSession, *, id: UUID, owner: Owner) -> None:
    """Nothing more is sent to it; its secrets are gone. Raises ``EndpointNotFound``."""
    await read(session, id=id, owner=owner, lock=True)
    await session.execute(
        update(webhook_endpoint)
        .where(webhook_endpoint.c.id == id)
        .values(deleted_at=func.zhihao_now(), failing_since=None)
    )
    await session.execute(delete(webhook_secret).where(webhook_secret.c.endpoint_id == id))
    await _move(session, id, ("waiting", "held"), "canceled", finished_at=func.now())


async def rotate(
    session: AsyncSession, *, id: UUID, owner: Owner, overlap: timedelta, key: bytes
) -> tuple[Endpoint, str]:
    """A new secret; those before it sign too for the ``overlap``. Raises ``EndpointNotFound``."""
    endpoint = await read(session, id=id, owner=owner, lock=True)
    ends = func.zhihao_now() + overlap
    secret = webhook_secret.c
    await session.execute(
        update(webhook_secret)
        .where(secret.endpoint_id == id, or_(secret.expires_at.is_(None), secret.expires_at > ends))
        .values(expires_at=ends)
    )
    await session.execute(
        delete(webhook_secret).where(secret.endpoint_id == id, secret.expires_at <= func.zhihao_now())
    )
    return endpoint, await _add_secret(session, id, key)


async def secrets_of(
    session: AsyncSession | AsyncConnection, endpoint_ids: Sequence[UUID], *, key: bytes
) -> dict[UUID, list[str]]:
    """The secrets in force of each endpoint, newest first. Raises ``SealBroken``."""
    secret = webhook_secret.c
    rows = await session.execute(
        select(secret.endpoint_id, secret.sealed)
        .where(
            secret.endpoint_id.in_(endpoint_ids),
            or_(secret.expires_at.is_(None), secret.expires_at > func.zhihao_now()),
        )
        .order_by(secret.id.desc())
    )
    found: dict[UUID, list[str]] = {}
    for endpoint_id, sealed in rows:
        plain = unseal(key, sealed, bound=endpoint_id.bytes).decode()
        found.setdefault(endpoint_id, []).append(plain)
    return found


async def _add_secret(session: AsyncSession, endpoint_id: UUID, key: bytes) -> str:
    secret = new_secret()
    sealed = seal(key, secret.encode(), bound=endpoint_id.bytes)
    await session.execute(insert(webhook_secret).values(id=new_id(), endpoint_id=endpoint_id, sealed=sealed))
    return secret


async def _set_enabled(session: AsyncSession, id: UUID, reason: Reason | None) -> None:
    await session.execute(
        update(webhook_endpoint)
        .where(webhook_endpoint.c.id == id)
        .values(
            enabled=reason is None,
            disabled_reason=reason,
            failing_since=None,
            listens_since=func.zhihao_now(),
        )
    )
    if reason is None:
        # One that is being tried all the while keeps its turn.
        delivery = webhook_delivery.c
        soon = case((delivery.claimed_at.is_(None), func.now()), else_=delivery.next_at)
        await _move(session, id, ("held",), "waiting", next_at=soon)
    else:
        await _move(session, id, ("waiting",), "held")


async def _move(session: AsyncSession, id: UUID, states: Sequence[str], state: str, **values: Any) -> None:
    await session.execute(
        update(webhook_delivery)
        .where(webhook_delivery.c.endpoint_id == id, webhook_delivery.c.state.in_(states))
        .values(state=state, **values)
    )


def _is(id: UUID, owner: Owner) -> tuple[ColumnElement[bool], ...]:
    mine = owner.of(webhook_endpoint)
    return webhook_endpoint.c.id == id, mine, webhook_endpoint.c.deleted_at.is_(None)


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(**row._mapping)
