"""A knowledge base was taken from sale: what runs, runs out, and nothing renews."""

from uuid import UUID

from billing.processor.port import ProcessorObjectMissing
from billing.subscriptions import projecting
from service.knowledge import knowledge_bases
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.settle_subscription import write_subscription


async def end_renewals(context: Context, *, knowledge_base_id: str) -> None:
    """Lets every subscription end with its paid period, unless the knowledge base is on sale again.

    May be run any number of times: what ends already is left alone. Raises ``ProcessorUnavailable``.
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
            snapshot = await context.payments.set_cancel_at_period_end(
                subscription.stripe_subscription_id, True, idempotency_key=f"unpublished:{new_id()}"
            )
        except ProcessorObjectMissing:
            continue
        await write_subscription(context, snapshot)
