"""What happened, announced in the transaction in which it happened."""

from collections.abc import Mapping
from uuid import UUID

import msgspec
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from service.outgoing.catalogue import TYPES
from service.outgoing.tables import outgoing_event
from service.platform.ids import new_id
from service.platform.jobs import defer

DISPATCH = "deliver_webhooks"
"""The job that places announced events and delivers them."""


async def announce(
    session: AsyncSession,
    type: str,
    *,
    account_id: UUID | None = None,
    organization_id: UUID | None = None,
    object_id: UUID,
    data: Mapping[str, object],
) -> None:
    """Tells the endpoints of the creator ``account_id``, or of the organization, once the caller commits.

    ``data`` holds what its receiver may see: ids, ``Money``, times and fixed words; never a reader's email.
    Events of one ``object_id`` reach an endpoint in the order of their announcement, which the caller's lock
    on that object makes the order of its changes. Raises ``ValueError`` for a type that the catalogue lacks.
    """
    if type not in TYPES:
        raise ValueError(f"{type} is not in service.outgoing.catalogue")
    await session.execute(
        insert(outgoing_event).values(
            id=new_id(),
            type=type,
            account_id=account_id,
            organization_id=organization_id,
            object_id=object_id,
            data=msgspec.to_builtins(dict(data)),
        )
    )
    # With no queueing lock, which would make all who announce wait for one another.
    await defer(session, DISPATCH)
