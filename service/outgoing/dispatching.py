"""Announced events get their place, in the order of commits, and a delivery to each endpoint that listens.

An event is written in its caller's transaction, which may commit late. So its place is given afterwards, by
transactions that come one after another: whoever has read up to a place has seen all that is before it, and
nothing turns up behind a reader's back.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from service.outgoing.catalogue import TEST
from service.outgoing.endpoints import Owner
from service.outgoing.tables import outgoing_event, webhook_delivery, webhook_endpoint
from service.platform.ids import new_id

_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('outgoing_event', 0))")
_PLACE = text(
    """
    WITH unplaced AS MATERIALIZED (
      SELECT id FROM outgoing_event WHERE position IS NULL AND endpoint_id IS NULL
      ORDER BY sequence LIMIT :most
    ), numbered AS MATERIALIZED (
      SELECT id, nextval('outgoing_event_position') AS position FROM unplaced
    )
    UPDATE outgoing_event AS event SET position = numbered.position FROM numbered
    WHERE event.id = numbered.id
    RETURNING event.id, event.position, type, account_id, organization_id, object_id
    """
)


async def place(session: AsyncSession, *, most: int) -> int:
    """Places committed events, oldest first, and queues them. Returns how many, at most ``most``.

    The lock is taken in a statement of its own, so that the next one sees all that is committed by then.
    """
    await session.execute(_ALONE)
    placed = (await session.execute(_PLACE, {"most": most})).all()
    if placed:
        await _queue(session, sorted(placed, key=lambda event: int(event.position)))
    return len(placed)


async def replay(
    session: AsyncSession,
    *,
    endpoint_id: UUID,
    owner: Owner,
    types: list[str] | None,
    after: int | datetime,
    most: int,
) -> tuple[int, int | None]:
    """Queues again what the endpoint listens for, after a place or a moment; what still waits, only once.

    Returns how many events, at most ``most``, and the place of the last when there may be more.
    """
    await session.execute(_ALONE)
    event = outgoing_event.c
    waiting = select(webhook_delivery.c.id).where(
        webhook_delivery.c.endpoint_id == endpoint_id,
        webhook_delivery.c.event_id == event.id,
        webhook_delivery.c.state.in_(("waiting", "held")),
    )
    query = (
        select(event.id, event.position, event.object_id)
        .where(owner.of(outgoing_event), event.position.is_not(None), ~waiting.exists())
        .where(event.position > after if isinstance(after, int) else event.at > after)
        .order_by(event.position)
        .limit(most)
    )
    if types is not None:
        query = query.where(event.type.in_(types))
    found = (await session.execute(query)).all()
    await _insert(session, ((endpoint_id, each) for each in found), "replay")
    return len(found), found[-1].position if len(found) == most else None


async def queue_test(session: AsyncSession, *, endpoint_id: UUID, owner: Owner) -> UUID:
    """An event for one endpoint alone, without a place in the list. Returns its delivery."""
    event_id, delivery_id = new_id(), new_id()
    await session.execute(
        insert(outgoing_event).values(
            id=event_id,
            type=TEST,
            account_id=owner.account_id,
            organization_id=owner.organization_id,
            endpoint_id=endpoint_id,
            object_id=event_id,
            data={"endpoint_id": str(endpoint_id)},
        )
    )
    await session.execute(
        insert(webhook_delivery).values(
            id=delivery_id, endpoint_id=endpoint_id, event_id=event_id, object_id=event_id, cause="test"
        )
    )
    return delivery_id


async def _queue(session: AsyncSession, events: list[Any]) -> None:
    """A delivery for each enabled endpoint of an event's owner that listens for its type."""
    table = webhook_endpoint.c
    owners = {each.account_id or each.organization_id for each in events}
    query = select(table.id, table.account_id, table.organization_id, table.types).where(
        or_(table.account_id.in_(owners), table.organization_id.in_(owners)),
        table.enabled,
        table.deleted_at.is_(None),
    )
    listening: dict[UUID, list[Any]] = {}
    for endpoint in await session.execute(query):
        listening.setdefault(endpoint.account_id or endpoint.organization_id, []).append(endpoint)
    await _insert(
        session,
        (
            (endpoint.id, event)
            for event in events
            for endpoint in listening.get(event.account_id or event.organization_id, ())
            if endpoint.types is None or event.type in endpoint.types
        ),
        "event",
    )


async def _insert(
    session: AsyncSession, pairs: Iterable[tuple[UUID, Any]], cause: Literal["event", "replay"]
) -> None:
    """In the order given, which is the order in which an object's events are sent."""
    rows = [
        {
            "id": new_id(),
            "endpoint_id": endpoint_id,
            "event_id": event.id,
            "object_id": event.object_id,
            "cause": cause,
        }
        for endpoint_id, event in pairs
    ]
    if rows:
        await session.execute(insert(webhook_delivery), rows)
