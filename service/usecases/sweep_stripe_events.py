"""What was missed is found: events stored and never worked, and events that never arrived."""

from datetime import timedelta

import structlog

from billing.processor import inbox, intents, marks
from billing.processor.port import ProcessorUnavailable
from billing.processor.stripe_tasks import task_of
from service.usecases.context import Context
from service.usecases.receive_stripe_event import settle_soon

log = structlog.get_logger(__name__)

LATE = timedelta(seconds=30)
BODIES_KEPT = timedelta(days=30)
KEYS_KEPT = timedelta(hours=23)

FIRST_LOOK = timedelta(days=1)
OVERLAP = timedelta(minutes=5)
"""Events are read again for this long back: one may be listed later than a younger one."""


async def sweep_stripe_events(context: Context) -> None:
    """Has forgotten lanes worked, lists Stripe's events since the last sweep, clears what is old."""
    async with context.database.transaction() as session:
        limit = context.settings.sweep_batch
        for lane in await inbox.forgotten_lanes(session, older_than=LATE, limit=limit):
            await settle_soon(session, lane)
        await inbox.empty_bodies(session, older_than=BODIES_KEPT)
        await intents.abandon_old(session, older_than=KEYS_KEPT)
        since = await marks.read_until(session, "sweep", first_look=FIRST_LOOK)
    try:
        events = await context.payments.list_events(since=since - OVERLAP)
    except ProcessorUnavailable as error:
        log.warning("stripe_events.not_listed", error=str(error))
        return
    missed = 0
    ours = [
        event
        for event in events
        if task_of(inbox.StoredEvent(event.id, event.type, event.account, 0, event.raw))
    ]
    async with context.database.transaction() as session:
        new = await inbox.unknown(session, ours)
    for event in new:
        async with context.database.transaction() as session:
            if await inbox.store(session, event, endpoint="sweep"):
                missed += 1
                await settle_soon(session, event.lane)
    if events:
        async with context.database.transaction() as session:
            await marks.move(session, "sweep", read_until=events[-1].created_at)
    if missed:
        log.warning("stripe_events.missed", count=missed)
