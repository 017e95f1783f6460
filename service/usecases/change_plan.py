"""A creator changes a plan: its price for whoever buys next, its trial, whether it is sold at all."""

from typing import Literal
from uuid import UUID

from billing.money import Money
from billing.plans import catalog
from billing.plans.catalog import PlanFact
from billing.plans.pricing import check_amount
from billing.processor import intents
from billing.processor.port import ProcessorRefused
from service.knowledge import knowledge_bases
from service.knowledge.cards import card_changed
from service.platform.ids import new_id
from service.usecases.context import Context


async def change_plan(
    context: Context,
    *,
    plan_id: UUID,
    knowledge_base_id: UUID,
    owner_id: UUID,
    price: Money | None,
    trial_days: int | None,
    status: Literal["active", "archived"] | None,
) -> PlanFact:
    """Who has bought keeps the price it was bought at, also of a plan that is sold no longer.

    Raises ``KnowledgeBaseNotFound``, ``PlanNotFound``, ``InvalidPlan``, ``InvalidAmount``,
    ``ProcessorRefused`` and ``ProcessorUnavailable``; after any of them nothing is changed.
    """
    settings = context.settings
    price_id = new_id()
    async with context.database.transaction() as session:
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id)
        offer = await catalog.offer_of(
            session, plan_id=plan_id, knowledge_base_id=knowledge_base_id, lock=True
        )
        catalog.check_terms(
            offer.plan.interval,
            days=offer.plan.days,
            trial_days=offer.plan.trial_days if trial_days is None else trial_days,
            most_days=settings.pass_max_days,
            most_trial=settings.trial_max_days,
        )
        reprice = price is not None and price != offer.plan.price
        if price is not None and reprice:
            least = Money(settings.minimum_charge, settings.currency)
            check_amount(price, least=least, most=settings.plan_max_amount)
            await intents.begin(
                session,
                id=price_id,
                kind="price",
                subject_id=plan_id,
                idempotency_key=f"price:{price_id}",
                request={"amount": price.amount, "currency": price.currency},
            )
    stripe_price_id = None
    if price is not None and reprice:
        interval = offer.plan.interval
        try:
            stripe_price_id = await context.payments.create_price(
                product_id=offer.stripe_product_id or "",
                amount=price,
                interval=None if interval == "once" else interval,
                lookup_key=str(price_id),
                metadata={"plan_id": str(plan_id), "knowledge_base_id": str(knowledge_base_id)},
                idempotency_key=f"price:{price_id}",
            )
        except ProcessorRefused as refused:
            async with context.database.transaction() as session:
                await intents.refused(session, price_id, error=str(refused))
            raise
    async with context.database.transaction() as session:
        await catalog.offer_of(session, plan_id=plan_id, knowledge_base_id=knowledge_base_id, lock=True)
        if price is not None and stripe_price_id is not None:
            await intents.done(session, price_id, result_id=stripe_price_id)
            await catalog.add_price(
                session, id=price_id, plan_id=plan_id, price=price, stripe_price_id=stripe_price_id
            )
        changed = await catalog.change_plan(session, id=plan_id, trial_days=trial_days, status=status)
        await card_changed(session, knowledge_base_id)
        return changed
