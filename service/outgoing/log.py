"""What an owner sees: the list of events, and what became of each at an endpoint."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Select, case, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.outgoing.deliveries import Attempt
from service.outgoing.endpoints import Owner
from service.outgoing.tables import outgoing_event, webhook_attempt, webhook_delivery

State = Literal["waiting", "held", "delivered", "failed", "canceled"]


class DeliveryNotFound(Exception):
    """No such delivery to this endpoint, or it was forgotten."""


@dataclass(frozen=True)
class Event:
    """``position`` grows in the order of commits: a reader who went on from one misses nothing."""

    id: UUID
    position: int
    type: str
    timestamp: datetime
    data: dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """An event on its way to an endpoint. ``next_attempt_at`` is null when none is to come."""

    id: UUID
    sequence: int
    event_id: UUID
    type: str
    object_id: UUID
    cause: Literal["event", "replay", "test"]
    state: State
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


async def events(
    session: AsyncSession | AsyncConnection, *, owner: Owner, after: int, limit: int
) -> list[Event]:
    """In the order of commits, after the place ``after``."""
    event = outgoing_event.c
    query = (
        select(event.id, event.position, event.type, event.at.label("timestamp"), event.data)
        .where(owner.of(outgoing_event), event.position > after)
        .order_by(event.position)
        .limit(limit)
    )
    return [Event(**row._mapping) for row in await session.execute(query)]


async def deliveries(
    session: AsyncSession | AsyncConnection,
    *,
    endpoint_id: UUID,
    state: State | None,
    before: int | None,
    limit: int,
) -> list[Delivery]:
    """Newest first, below the sequence ``before``."""
    delivery = webhook_delivery.c
    query = _deliveries().where(delivery.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(delivery.state == state)
    if before is not None:
        query = query.where(delivery.sequence < before)
    rows = await session.execute(query.order_by(delivery.sequence.desc()).limit(limit))
    return [Delivery(**row._mapping) for row in rows]


async def delivery(session: AsyncSession | AsyncConnection, *, id: UUID, endpoint_id: UUID) -> Delivery:
    """Raises ``DeliveryNotFound``."""
    query = _deliveries().where(webhook_delivery.c.id == id, webhook_delivery.c.endpoint_id == endpoint_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise DeliveryNotFound("There is no such delivery.")
    return Delivery(**row._mapping)


async def attempts(session: AsyncSession | AsyncConnection, *, delivery_id: UUID) -> list[Attempt]:
    """The tries of a delivery, first to last."""
    columns = (webhook_attempt.c[name] for name in Attempt.__dataclass_fields__)
    query = select(*columns).where(webhook_attempt.c.delivery_id == delivery_id)
    return [Attempt(**row._mapping) for row in await session.execute(query.order_by(webhook_attempt.c.id))]


async def retry(session: AsyncSession, *, id: UUID, endpoint_id: UUID) -> Delivery:
    """Tries it now. One that had ended goes to the end of its object's queue. Raises ``DeliveryNotFound``."""
    table = webhook_delivery.c
    await delivery(session, id=id, endpoint_id=endpoint_id)
    this = (table.id == id, table.endpoint_id == endpoint_id)
    await session.execute(
        update(webhook_delivery)
        .where(*this, table.state == "waiting", table.claimed_at.is_(None))
        .values(next_at=func.now())
    )
    await session.execute(
        update(webhook_delivery)
        .where(*this, table.state.in_(("delivered", "failed", "canceled")))
        .values(state="waiting", next_at=func.now(), finished_at=None, sequence=text("DEFAULT"))
    )
    return await delivery(session, id=id, endpoint_id=endpoint_id)


def _deliveries() -> Select[Any]:
    delivery, event = webhook_delivery.c, outgoing_event.c
    return select(
        delivery.id,
        delivery.sequence,
        delivery.event_id,
        event.type,
        delivery.object_id,
        delivery.cause,
        delivery.state,
        delivery.attempts,
        case((delivery.state == "waiting", delivery.next_at)).label("next_attempt_at"),
        delivery.created_at,
        delivery.finished_at,
    ).join(outgoing_event, event.id == delivery.event_id)
