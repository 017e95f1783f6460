"""Owners of endpoints see what happened and what became of it, and have it sent again."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.outgoing import dispatching, endpoints, log
from service.outgoing.deliveries import Attempt
from service.outgoing.endpoints import EndpointDisabled, Owner
from service.outgoing.events import DISPATCH
from service.outgoing.log import Delivery, Event, State
from service.platform.idempotency import Once, claim, keep
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.manage_webhook_endpoints import require_owner


@dataclass(frozen=True)
class Replayed:
    """How many events are sent again; ``last`` is where to go on, when one call did not do for all."""

    count: int
    last: int | None


async def list_events(
    context: Context, *, owner: Owner, actor_id: UUID, after: int, limit: int
) -> list[Event]:
    """In the order of commits: who goes on from the last one seen misses none, however late it committed.

    Raises ``OrganizationNotFound`` and ``RoleMissing``.
    """
    async with context.database.reading() as connection:
        await require_owner(connection, owner, actor_id)
        return await log.events(connection, owner=owner, after=after, limit=limit)


async def list_deliveries(
    context: Context,
    *,
    endpoint_id: UUID,
    owner: Owner,
    actor_id: UUID,
    state: State | None,
    before: int | None,
    limit: int,
) -> list[Delivery]:
    """Newest first. Raises ``EndpointNotFound``, ``OrganizationNotFound`` and ``RoleMissing``."""
    async with context.database.reading() as connection:
        await require_owner(connection, owner, actor_id)
        await endpoints.read(connection, id=endpoint_id, owner=owner)
        return await log.deliveries(
            connection, endpoint_id=endpoint_id, state=state, before=before, limit=limit
        )


async def read_delivery(
    context: Context, *, id: UUID, endpoint_id: UUID, owner: Owner, actor_id: UUID
) -> tuple[Delivery, list[Attempt]]:
    """With every try. Raises ``DeliveryNotFound`` and what ``list_deliveries`` raises."""
    async with context.database.reading() as connection:
        await require_owner(connection, owner, actor_id)
        await endpoints.read(connection, id=endpoint_id, owner=owner)
        found = await log.delivery(connection, id=id, endpoint_id=endpoint_id)
        return found, await log.attempts(connection, delivery_id=id)


async def retry_delivery(
    context: Context, *, id: UUID, endpoint_id: UUID, owner: Owner, actor_id: UUID, once: Once | None
) -> Delivery:
    """Tries it now, whether it waits, was given up, or arrived.

    Raises ``EndpointDisabled``, ``DeliveryNotFound`` and what ``list_deliveries`` raises.
    """
    async with context.database.transaction() as session:
        await require_owner(session, owner, actor_id)
        if (kept := await claim(session, once, Delivery)) is not None:
            return kept
        _require_enabled(await endpoints.read(session, id=endpoint_id, owner=owner, lock=True))
        delivery = await log.retry(session, id=id, endpoint_id=endpoint_id)
        await defer(session, DISPATCH)
        await keep(session, once, delivery)
        return delivery


async def send_test(
    context: Context, *, endpoint_id: UUID, owner: Owner, actor_id: UUID, once: Once | None
) -> Delivery:
    """Sends ``webhook.test``, whatever the endpoint listens for.

    Raises ``EndpointDisabled`` and what ``list_deliveries`` raises.
    """
    async with context.database.transaction() as session:
        await require_owner(session, owner, actor_id)
        if (kept := await claim(session, once, Delivery)) is not None:
            return kept
        _require_enabled(await endpoints.read(session, id=endpoint_id, owner=owner, lock=True))
        id = await dispatching.queue_test(session, endpoint_id=endpoint_id, owner=owner)
        await defer(session, DISPATCH)
        delivery = await log.delivery(session, id=id, endpoint_id=endpoint_id)
        await keep(session, once, delivery)
        return delivery


async def replay_events(
    context: Context,
    *,
    endpoint_id: UUID,
    owner: Owner,
    actor_id: UUID,
    after: int | datetime,
    once: Once | None,
) -> Replayed:
    """Sends again, under their own ids, the events after a place or a moment that the endpoint listens for.

    Raises ``EndpointDisabled`` and what ``list_deliveries`` raises.
    """
    async with context.database.transaction() as session:
        await require_owner(session, owner, actor_id)
        if (kept := await claim(session, once, Replayed)) is not None:
            return kept
        endpoint = await endpoints.read(session, id=endpoint_id, owner=owner, lock=True)
        _require_enabled(endpoint)
        count, last = await dispatching.replay(
            session,
            endpoint_id=endpoint_id,
            owner=owner,
            types=endpoint.types,
            after=after,
            most=context.settings.outgoing_replay_max,
        )
        await defer(session, DISPATCH)
        replayed = Replayed(count, last)
        await keep(session, once, replayed)
        return replayed


def _require_enabled(endpoint: endpoints.Endpoint) -> None:
    if not endpoint.enabled:
        raise EndpointDisabled("Enable the endpoint first.")
