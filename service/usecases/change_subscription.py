"""A reader changes a subscription: its plan, whether it ends with its period, or that it ends now."""

from uuid import UUID

from billing.plans import catalog
from billing.plans.catalog import PlanFact, PlanNotFound
from billing.processor.port import SubscriptionSnapshot
from billing.subscriptions import projecting
from billing.subscriptions.projecting import LIVE, SubscriptionFact
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.settle_subscription import write_subscription

DAYS = {"month": 30, "year": 365}


class SubscriptionEnded(Exception):
    """The subscription has ended, or was never paid: there is nothing to change."""


class PlanChangeRefused(Exception):
    """A subscription cannot change to this plan."""

    pointer = "/plan_id"


async def change_subscription(
    context: Context, *, id: UUID, account_id: UUID, plan_id: UUID | None, cancel_at_period_end: bool | None
) -> SubscriptionFact:
    """A dearer plan begins at once and the difference is charged; a cheaper one of the same interval is
    charged from the next period on. What is None is left as it is.

    Raises ``SubscriptionNotFound``, ``SubscriptionEnded``, ``PlanNotFound``, ``PlanChangeRefused``,
    ``ProcessorRefused`` and ``ProcessorUnavailable``.
    """
    async with context.database.reading() as connection:
        current = await projecting.find(connection, id=id, account_id=account_id)
        if current.status not in LIVE:
            raise SubscriptionEnded("This subscription has ended; subscribe again.")
        base_id = current.knowledge_base_id
        now = await catalog.offer_of(connection, plan_id=current.plan_id, knowledge_base_id=base_id)
        wanted = now
        if plan_id is not None:
            wanted = await catalog.offer_of(connection, plan_id=plan_id, knowledge_base_id=base_id)
    if wanted.plan.id != now.plan.id and wanted.stripe_price_id is not None:
        check_change(now.plan, wanted.plan)
        await _written(
            context,
            await context.payments.change_price(
                current.stripe_subscription_id,
                current.stripe_item_id,
                wanted.stripe_price_id,
                prorate=is_upgrade(now.plan, wanted.plan),
                idempotency_key=f"plan:{new_id()}",
            ),
        )
    if cancel_at_period_end is not None and cancel_at_period_end != current.cancel_at_period_end:
        await _written(
            context,
            await context.payments.set_cancel_at_period_end(
                current.stripe_subscription_id, cancel_at_period_end, idempotency_key=f"cancel:{new_id()}"
            ),
        )
    async with context.database.reading() as connection:
        return await projecting.find(connection, id=id, account_id=account_id)


async def cancel_subscription(context: Context, *, id: UUID, account_id: UUID) -> None:
    """Ends the subscription and its access at once. One that has ended stays ended.

    Raises ``SubscriptionNotFound``, ``ProcessorRefused`` and ``ProcessorUnavailable``.
    """
    async with context.database.reading() as connection:
        current = await projecting.find(connection, id=id, account_id=account_id)
    if current.status in projecting.ENDED:
        return
    await _written(
        context,
        await context.payments.cancel_subscription(
            current.stripe_subscription_id, invoice_now=False, idempotency_key=f"end:{new_id()}"
        ),
    )


def check_change(now: PlanFact, wanted: PlanFact) -> None:
    """Whether a subscription may change between the plans. Raises ``PlanNotFound``, ``PlanChangeRefused``."""
    if wanted.status != "active":
        raise PlanNotFound("This plan is not sold any more.")
    if wanted.interval == "once":
        raise PlanChangeRefused("A pass is bought, not changed to.")
    if wanted.price.currency != now.price.currency:
        raise PlanChangeRefused("A subscription keeps its currency.")
    if now.interval == "year" and wanted.interval == "month":
        raise PlanChangeRefused("End the yearly plan with its period, and subscribe by the month then.")


def is_upgrade(now: PlanFact, wanted: PlanFact) -> bool:
    """Whether more is paid at once: a longer interval, or a higher price for the same."""
    if now.interval != wanted.interval:
        return DAYS[wanted.interval] > DAYS[now.interval]
    return wanted.price.amount > now.price.amount


async def _written(context: Context, snapshot: SubscriptionSnapshot) -> None:
    # Seen at once by whoever asked; the event that follows looks again, in its lane.
    await write_subscription(context, snapshot)
