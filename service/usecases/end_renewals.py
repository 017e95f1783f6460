"""A knowledge base was taken from sale: open pages are closed, what runs, runs out, and nothing renews."""

from uuid import UUID

from billing.processor.port import ProcessorObjectMissing, ProcessorRefused
from billing.subscriptions import checkouts, projecting
from billing.subscriptions.projecting import LIVE
from service.knowledge import knowledge_bases
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.hold_subscription import subscription_held
from service.usecases.settle_checkout import settle_checkout


async def end_renewals(context: Context, *, knowledge_base_id: str) -> None:
    """Lets every subscription end with its paid period, unless the knowledge base is on sale again.

    May be run any number of times: what ends already is left alone. Raises ``LaneBusy`` and
    ``ProcessorUnavailable``.
    """
    base_id = UUID(knowledge_base_id)
    async with context.database.reading() as connection:
        base = (await knowledge_bases.get_many(connection, [base_id])).get(base_id)
        if base is not None and base.status == "published":
            return
        pages = await checkouts.open_at(connection, base_id)
    for page in pages:
        await _close(context, page)
    # After the pages: what was paid on one just before it was closed is among these.
    async with context.database.reading() as connection:
        renewing = await projecting.renewing(connection, base_id)
    for subscription in renewing:
        try:
            async with subscription_held(context, subscription) as held:
                if held.fact.status in LIVE and not held.fact.cancel_at_period_end:
                    await held.let_end(True)
        except ProcessorObjectMissing:
            continue


async def _close(context: Context, page: str) -> None:
    try:
        await context.payments.expire_checkout(page, idempotency_key=f"xp:{new_id()}")
    except ProcessorObjectMissing:
        return
    except ProcessorRefused:
        pass  # paid, or closed before: either way it is looked at
    await settle_checkout(context, session_id=page)
