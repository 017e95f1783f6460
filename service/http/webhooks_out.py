"""Webhook endpoints and their events: the same calls at the doors of creators and of organizations.

A door mounts ``handlers`` under its own path and says, as the dependency ``owner``, whose they are.
"""

from datetime import UTC, datetime
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET

from service.http.inputs import InvalidInput
from service.http.login import Person
from service.http.paging import Page, PageRequest, decode_cursor, encode_cursor, paged, place_of, position_of
from service.http.webhook_schemas import (
    DeliveryLog,
    EndpointChanges,
    NewEndpoint,
    Replay,
    ReplayBegun,
    SecretRotation,
    ShownDelivery,
    ShownEvent,
    ShownSecret,
)
from service.outgoing.catalogue import EventType, types_for
from service.outgoing.endpoints import Endpoint, Owner
from service.outgoing.log import State
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import follow_webhooks, manage_webhook_endpoints
from service.usecases.context import Context


def _events_bound(owner: Owner) -> str:
    return f"outgoing events {owner.organization_id or owner.account_id}"


@get("/webhook-event-types")
async def list_event_types(
    person: NamedDependency[Person], owner: NamedDependency[Owner], context: NamedDependency[Context]
) -> Page[EventType]:
    """What can be heard of. In `data`, the names of an event's fields; a `?` marks what may be null."""
    await manage_webhook_endpoints.check_owner(context, owner=owner, actor_id=person.account_id)
    return Page(data=types_for("organization" if owner.organization_id else "creator"))


@get("/events")
async def list_events(
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[ShownEvent]:
    """What happened, oldest first, in the order of commits: going on from an event's `cursor` misses none."""
    bound = _events_bound(owner)
    rows = await follow_webhooks.list_events(
        context,
        owner=owner,
        actor_id=person.account_id,
        after=place_of(page, bound, int) or 0,
        limit=page.limit + 1,
    )
    found = paged(rows, page, bound, position=lambda row: row.position)
    shown = [ShownEvent.of(row, cursor=encode_cursor([row.position], bound)) for row in found.data]
    return Page(data=shown, next_cursor=found.next_cursor)


@post("/webhook-endpoints")
async def create_endpoint(
    data: JSONBody[NewEndpoint],
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> ShownSecret:
    """Events are sent there from now on, signed by [Standard Webhooks](https://www.standardwebhooks.com).

    The secret is in this answer and never shown again.
    """
    made = await manage_webhook_endpoints.create_endpoint(
        context,
        id=new_id(),
        owner=owner,
        actor_id=person.account_id,
        url=data.url,
        types=data.types,
        once=once,
    )
    return ShownSecret.of(made)


@get("/webhook-endpoints")
async def list_endpoints(
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[Endpoint]:
    """Newest first."""
    bound = f"webhook endpoints {owner.organization_id} {person.account_id}"
    rows = await manage_webhook_endpoints.list_endpoints(
        context,
        owner=owner,
        actor_id=person.account_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@get("/webhook-endpoints/{endpoint_id:uuid}")
async def read_endpoint(
    endpoint_id: FromPath[UUID],
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
) -> Endpoint:
    """`failing_since`: nothing was delivered since then, and something failed."""
    return await manage_webhook_endpoints.read_endpoint(
        context, id=endpoint_id, owner=owner, actor_id=person.account_id
    )


@patch("/webhook-endpoints/{endpoint_id:uuid}")
async def change_endpoint(
    endpoint_id: FromPath[UUID],
    data: JSONBody[EndpointChanges],
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
) -> Endpoint:
    """What waited for a disabled endpoint goes on when it is enabled; the rest can be replayed."""
    changes = {
        name: value
        for name in EndpointChanges.__struct_fields__
        if (value := getattr(data, name)) is not UNSET
    }
    return await manage_webhook_endpoints.change_endpoint(
        context, id=endpoint_id, owner=owner, actor_id=person.account_id, changes=changes
    )


@delete("/webhook-endpoints/{endpoint_id:uuid}")
async def delete_endpoint(
    endpoint_id: FromPath[UUID],
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
) -> None:
    """Nothing more is sent there."""
    await manage_webhook_endpoints.delete_endpoint(
        context, id=endpoint_id, owner=owner, actor_id=person.account_id
    )


@post("/webhook-endpoints/{endpoint_id:uuid}/rotate", status_code=200)
async def rotate_secret(
    endpoint_id: FromPath[UUID],
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
    data: JSONBody[SecretRotation | None] = None,
) -> ShownSecret:
    """A new secret at once; the one before signs too for `overlap_seconds` (a day, unless given)."""
    rotated = await manage_webhook_endpoints.rotate_secret(
        context,
        id=endpoint_id,
        owner=owner,
        actor_id=person.account_id,
        overlap_seconds=(data or SecretRotation()).overlap_seconds,
        once=once,
    )
    return ShownSecret.of(rotated)


@post("/webhook-endpoints/{endpoint_id:uuid}/test", status_code=202)
async def send_test(
    endpoint_id: FromPath[UUID],
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> ShownDelivery:
    """Sends `webhook.test`, whatever the endpoint listens for."""
    return ShownDelivery.of(
        await follow_webhooks.send_test(
            context, endpoint_id=endpoint_id, owner=owner, actor_id=person.account_id, once=once
        )
    )


@post("/webhook-endpoints/{endpoint_id:uuid}/replay", status_code=202)
async def replay_events(
    endpoint_id: FromPath[UUID],
    data: JSONBody[Replay],
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> ReplayBegun:
    """Sends again what the endpoint listens for and happened after; each event keeps its `webhook-id`."""
    bound = _events_bound(owner)
    replayed = await follow_webhooks.replay_events(
        context,
        endpoint_id=endpoint_id,
        owner=owner,
        actor_id=person.account_id,
        after=_after(data.after, bound),
        once=once,
    )
    next_after = None if replayed.last is None else encode_cursor([replayed.last], bound)
    return ReplayBegun(count=replayed.count, next_after=next_after)


@get("/webhook-endpoints/{endpoint_id:uuid}/deliveries")
async def list_deliveries(
    endpoint_id: FromPath[UUID],
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
    status: FromQuery[State | None] = None,
) -> Page[ShownDelivery]:
    """What was sent, is on its way, or was given up, newest first."""
    bound = f"deliveries {endpoint_id} {person.account_id} {status}"
    rows = await follow_webhooks.list_deliveries(
        context,
        endpoint_id=endpoint_id,
        owner=owner,
        actor_id=person.account_id,
        state=status,
        before=place_of(page, bound, int),
        limit=page.limit + 1,
    )
    found = paged(rows, page, bound, position=lambda row: row.sequence)
    return Page(data=[ShownDelivery.of(row) for row in found.data], next_cursor=found.next_cursor)


@get("/webhook-endpoints/{endpoint_id:uuid}/deliveries/{delivery_id:uuid}")
async def read_delivery(
    endpoint_id: FromPath[UUID],
    delivery_id: FromPath[UUID],
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
) -> DeliveryLog:
    """With each try: when, what was answered, how long it took, how the answer begins."""
    delivery, attempts = await follow_webhooks.read_delivery(
        context, id=delivery_id, endpoint_id=endpoint_id, owner=owner, actor_id=person.account_id
    )
    return DeliveryLog(delivery=ShownDelivery.of(delivery), attempts=attempts)


@post("/webhook-endpoints/{endpoint_id:uuid}/deliveries/{delivery_id:uuid}/retry", status_code=202)
async def retry_delivery(
    endpoint_id: FromPath[UUID],
    delivery_id: FromPath[UUID],
    person: NamedDependency[Person],
    owner: NamedDependency[Owner],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> ShownDelivery:
    """Tries it now, whether it waits, was given up, or arrived."""
    return ShownDelivery.of(
        await follow_webhooks.retry_delivery(
            context,
            id=delivery_id,
            endpoint_id=endpoint_id,
            owner=owner,
            actor_id=person.account_id,
            once=once,
        )
    )


def _after(said: str, bound: str) -> int | datetime:
    """A moment, or else a cursor. Raises ``InvalidCursor`` and ``InvalidInput``."""
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return int(decode_cursor(said, bound)[0])
    if moment.tzinfo is None:
        raise InvalidInput(("/after", "A time says its offset from UTC."))
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(("/after", "is beyond the calendar")) from None


handlers = [
    list_event_types,
    list_events,
    create_endpoint,
    list_endpoints,
    read_endpoint,
    change_endpoint,
    delete_endpoint,
    rotate_secret,
    send_test,
    replay_events,
    list_deliveries,
    read_delivery,
    retry_delivery,
]
