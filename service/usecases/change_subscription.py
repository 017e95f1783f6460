"""A reader changes a subscription: its plan, whether it ends with its period, or that it ends now."""

from uuid import UUID

from billing.money import Money
from billing.plans import catalog
from billing.plans.catalog import PlanFact, PlanNotFound
from billing.processor import inbox, intents
from billing.subscriptions import changes, projecting
from billing.subscriptions.changes import RUNNING
from billing.subscriptions.projecting import LIVE
from service.knowledge import knowledge_bases
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.hold_subscription import HeldSubscription, subscription_held
from service.usecases.list_subscriptions import ShownSubscription, read_subscription

DAYS = {"month": 30, "year": 365}


class SubscriptionEnded(Exception):
    """The subscription has ended, or was never paid: there is nothing to change."""


class NotOnSale(Exception):
    """The knowledge base is not sold any more: what runs, runs out."""


class PlanChangeRefused(Exception):
    """A subscription cannot change to this plan."""

    pointer = "/plan_id"


async def change_subscription(
    context: Context, *, id: UUID, account_id: UUID, plan_id: UUID | None, cancel_at_period_end: bool | None
) -> ShownSubscription:
    """A dearer plan, or a longer interval, begins at once and the difference is charged: until that is paid
    the old plan stays. A cheaper or shorter one begins with the next period; naming the plan one has takes
    back what is still to come. What is None is left as it is.

    Raises ``SubscriptionNotFound``, ``SubscriptionEnded``, ``NotOnSale``, ``PlanNotFound``,
    ``PlanChangeRefused``, ``LaneBusy``, ``ProcessorRefused`` and ``ProcessorUnavailable``.
    """
    async with context.database.reading() as connection:
        known = await projecting.find(connection, id=id, account_id=account_id)
        base_id = known.knowledge_base_id
        base = (await knowledge_bases.get_many(connection, [base_id])).get(base_id)
    if known.status not in LIVE:
        raise SubscriptionEnded("This subscription has ended; subscribe again.")
    goes_on = plan_id is not None or cancel_at_period_end is False
    if goes_on and (base is None or base.status != "published"):
        raise NotOnSale("This knowledge base is not sold any more; what is paid for runs out.")
    async with subscription_held(context, known) as held:
        if held.fact.status not in LIVE:
            raise SubscriptionEnded("This subscription has ended; subscribe again.")
        if cancel_at_period_end is False and held.fact.cancel_at_period_end:
            await held.let_end(False)
        if plan_id is not None:
            await _change_plan(context, held, plan_id)
        if cancel_at_period_end and not held.fact.cancel_at_period_end:
            await held.let_end(True)
    return await read_subscription(context, id=id, account_id=account_id)


async def cancel_subscription(context: Context, *, id: UUID, account_id: UUID) -> None:
    """Ends the subscription and its access at once. One that has ended stays ended.

    Raises ``SubscriptionNotFound``, ``LaneBusy``, ``ProcessorRefused`` and ``ProcessorUnavailable``.
    """
    async with context.database.reading() as connection:
        known = await projecting.find(connection, id=id, account_id=account_id)
    if known.status in projecting.ENDED:
        return
    async with subscription_held(context, known) as held:
        if held.fact.status not in projecting.ENDED:
            await held.write(
                await context.payments.cancel_subscription(
                    held.snapshot.id, invoice_now=False, idempotency_key=f"end:{new_id()}"
                )
            )


async def _change_plan(context: Context, held: HeldSubscription, plan_id: UUID) -> None:
    current = held.fact
    async with context.database.reading() as connection:
        base_id = current.knowledge_base_id
        now = await catalog.offer_of(connection, plan_id=current.plan_id, knowledge_base_id=base_id)
        wanted = await catalog.offer_of(connection, plan_id=plan_id, knowledge_base_id=base_id)
        bought = (await catalog.prices(connection, [current.price_id]))[current.price_id].price
    standing = await held.change()
    if standing is not None and standing.kind != "reprice":
        if standing.price_id == wanted.price_id and standing.status != "asking":
            return
        if standing.status == "unpaid" and held.snapshot.latest_invoice_id is not None:
            await context.payments.void_invoice(
                held.snapshot.latest_invoice_id, idempotency_key=f"void:{standing.id}"
            )
            await held.look()
    if wanted.plan.id == now.plan.id:
        if standing is not None and standing.kind == "downgrade":
            await held.close(standing.id, "canceled")
            await held.release()
        return
    check_change(now.plan, bought, wanted.plan)
    if current.status not in RUNNING:
        raise PlanChangeRefused("Pay what is due first.")
    if held.fact.cancel_at_period_end:
        raise PlanChangeRefused("This subscription ends with its period; let it go on first.")
    # A trial has cost nothing yet, so there is nothing to charge and nothing to wait for.
    free = current.status == "trialing"
    upgrade = is_upgrade(now.plan, bought, wanted.plan)
    same = (wanted.plan.interval, wanted.plan.price) == (now.plan.interval, bought)
    later = not (free or upgrade or same)
    change_id = new_id()
    async with context.database.transaction() as session:
        await inbox.guard(session, held.lane)
        await changes.begin(
            session,
            id=change_id,
            subscription_id=current.id,
            kind="downgrade" if later else "upgrade",
            plan_id=wanted.plan.id,
            price_id=wanted.price_id,
        )
        await intents.begin(
            session,
            id=change_id,
            kind="plan_change",
            subject_id=current.id,
            idempotency_key=(key := f"plan:{change_id}"),
            request={"plan_id": str(plan_id), "price_id": str(wanted.price_id)},
        )
    if later:
        await held.schedule(change_id, wanted.price_id, key=key)
    else:
        await held.move(change_id, wanted.price_id, prorate=upgrade and not free, key=key)


def check_change(now: PlanFact, bought: Money, wanted: PlanFact) -> None:
    """Whether a subscription may change between the plans. Raises ``PlanNotFound``, ``PlanChangeRefused``."""
    if wanted.status != "active":
        raise PlanNotFound("This plan is not sold any more.")
    if wanted.interval == "once":
        raise PlanChangeRefused("A pass is bought, not changed to.")
    if wanted.price.currency != bought.currency:
        raise PlanChangeRefused("A subscription keeps its currency.")


def is_upgrade(now: PlanFact, bought: Money, wanted: PlanFact) -> bool:
    """Whether more is paid at once: a longer interval, or more than one bought at for the same."""
    if now.interval != wanted.interval:
        return DAYS[wanted.interval] > DAYS[now.interval]
    return wanted.price.amount > bought.amount
