"""Changes of subscriptions that nobody waits for: what is due is asked of the processor, what was cut off is
found out, and schedules that have done their work are let go."""

from datetime import timedelta
from uuid import UUID

import structlog

from billing.processor.port import ProcessorObjectMissing, ProcessorRefused
from billing.subscriptions import changes, projecting
from billing.subscriptions.changes import ChangeFact
from service.platform.database import zhihao_now
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.hold_subscription import HeldSubscription, subscription_held
from service.usecases.settle_subscription import settle_change_soon

log = structlog.get_logger(__name__)

CUT_OFF = timedelta(minutes=2)
"""Younger than that, a change is asked by somebody who waits for the answer."""


async def settle_change(context: Context, *, subscription_id: str) -> None:
    """The job of one subscription; does nothing when there is nothing to do.

    Raises ``LaneBusy`` and ``ProcessorUnavailable``, to be tried again.
    """
    async with context.database.reading() as connection:
        known = await projecting.get(connection, UUID(subscription_id))
    if known.status in projecting.ENDED:
        return
    try:
        async with subscription_held(context, known) as held:
            await _settle(held, await held.change())
    except ProcessorObjectMissing:
        log.warning("plan_change.subscription_unknown", subscription=subscription_id)
    except ProcessorRefused as refused:
        # The change is closed as refused; its holder keeps what they have.
        log.error("plan_change.refused", subscription=subscription_id, code=refused.code)


async def _settle(held: HeldSubscription, change: ChangeFact | None) -> None:
    if change is not None and change.status == "asking":
        if change.kind == "downgrade":
            await _schedule(held, change)
        else:
            # Looked up just now, it was not made: who asked was told that it failed, and may ask again.
            await held.close(change.id, "refused")
    elif change is not None and change.is_due(held.fact):
        if held.fact.status == "trialing" and held.fact.trial_end is not None:
            async with held.context.database.transaction() as session:
                await changes.dated(session, change.id, held.fact.trial_end)
            await held.move(change.id, change.price_id, prorate=False, key=_key(change))
        else:
            await _schedule(held, change)
    elif change is None or change.status != "scheduled":
        await held.release()


async def _schedule(held: HeldSubscription, change: ChangeFact) -> None:
    await held.schedule(change.id, change.price_id, key=_key(change))


def _key(change: ChangeFact) -> str:
    # Asking again is harmless, and what Stripe has stored under another key may be a failure.
    return f"plan:{change.id}:{new_id()}"


async def sweep_changes(context: Context) -> None:
    """Finds changes whose time has come, or that were cut off, and has each seen to."""
    async with context.database.transaction() as session:
        since = await zhihao_now(session) - CUT_OFF
        limit = context.settings.sweep_batch
        for subscription_id in await changes.unsettled(session, older_than=since, limit=limit):
            await settle_change_soon(session, subscription_id)
