"""Somebody asks for a change of what the processor holds: it is made while nobody else writes about it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from billing.processor import inbox
from billing.processor.inbox import Lane, LaneLost
from service.usecases.context import Context
from service.usecases.receive_stripe_event import settle_soon

HOLD_SECONDS = 45
"""Longer than a call takes with its retries."""

PATIENCE_SECONDS = 6.0
POLL_SECONDS = 0.05


class LaneBusy(Exception):
    """Something else about the same customer is under way, and takes long."""

    headers = {"Retry-After": "2"}  # noqa: RUF012 -- read-only, as Exception's own attributes are


@asynccontextmanager
async def lane_held(context: Context, name: str) -> AsyncIterator[Lane]:
    """The customer's lane. What came for it meanwhile is worked as soon as it is let go.

    Raises ``LaneBusy`` when it cannot be had, or was lost on the way.
    """
    lane = await _taken(context, name)
    try:
        yield lane
    except LaneLost:
        raise LaneBusy("Another change of this is under way; look again in a moment.") from None
    finally:
        async with context.database.transaction() as session:
            await inbox.let_go(session, lane)
            await settle_soon(session, name)


async def _taken(context: Context, name: str) -> Lane:
    waited = 0.0
    while waited < PATIENCE_SECONDS:
        async with context.database.transaction() as session:
            lane = await inbox.take(session, name, seconds=HOLD_SECONDS)
        if lane is not None:
            return lane
        await asyncio.sleep(POLL_SECONDS)
        waited += POLL_SECONDS
    raise LaneBusy("Another change of this is under way; try again in a moment.")
