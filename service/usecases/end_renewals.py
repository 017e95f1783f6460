"""A knowledge base was taken from sale: what runs, runs out, and nothing renews."""

from uuid import UUID

from billing.processor.port import ProcessorObjectMissing
from billing.subscriptions import projecting
from billing.subscriptions.projecting import LIVE
from service.knowledge import knowledge_bases
from service.usecases.context import Context
from service.usecases.hold_subscription import subscription_held


async def end_renewals(context: Context, *, knowledge_base_id: str) -> None:
    """Lets every subscription end with its paid period, unless the knowledge base is on sale again.

    May be run any number of times: what ends already is left alone. Raises ``LaneBusy`` and
    ``ProcessorUnavailable``.
    """
    async with context.database.reading() as connection:
        base = (await knowledge_bases.get_many(connection, [UUID(knowledge_base_id)])).get(
            UUID(knowledge_base_id)
        )
        if base is not None and base.status == "published":
            return
        renewing = await projecting.renewing(connection, UUID(knowledge_base_id))
    for subscription in renewing:
        try:
            async with subscription_held(context, subscription) as held:
                if held.fact.status in LIVE and not held.fact.cancel_at_period_end:
                    await held.let_end(True)
        except ProcessorObjectMissing:
            continue
