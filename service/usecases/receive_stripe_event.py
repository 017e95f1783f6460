"""Stripe tells us something: it is verified, stored once, and acknowledged. The work comes later."""

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from billing.processor import inbox
from billing.processor.stripe_events import API_VERSION, Endpoint, require_young, verified
from service.platform.alarms import raise_alarm
from service.platform.jobs import defer
from service.usecases.context import Context

log = structlog.get_logger(__name__)

PRIORITY = 20
"""Somebody has just paid and waits for what they bought."""


async def receive_stripe_event(
    context: Context, *, raw: bytes, signature: str | None, endpoint: Endpoint
) -> None:
    """Durable when this returns, and worked in the end. One that was stored before is left as it is.

    Raises ``InvalidEvent``.
    """
    event = verified(raw, signature, context.settings.webhook_secrets_of(endpoint), endpoint=endpoint)
    if event.api_version not in (None, API_VERSION):
        # Its objects may have their fields elsewhere. They are fetched in our version; what is read off the
        # event itself, as whose it is, may be amiss until the endpoint's version is set right.
        log.error("stripe_event.api_version", id=event.id, version=event.api_version, ours=API_VERSION)
    assert signature is not None, "none verifies nothing"
    async with context.database.transaction() as session:
        require_young(signature, now=await inbox.clock(session))
        if await inbox.store(session, event, endpoint=endpoint):
            await settle_soon(session, event.lane)
            if event.api_version not in (None, API_VERSION):
                await raise_alarm(session, "stripe_api_version", str(event.api_version))


async def settle_soon(session: AsyncSession, lane: str) -> None:
    """Has the lane's events worked, after this transaction and once for all that wait by then."""
    key = f"stripe:{lane}"
    await defer(session, "settle_stripe_events", lock=key, queueing_lock=key, priority=PRIORITY, lane=lane)
