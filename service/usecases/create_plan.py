"""A creator puts a plan on sale."""

from uuid import UUID

from billing.money import Money
from billing.plans import catalog
from billing.plans.catalog import Interval as Interval
from billing.plans.catalog import PlanFact as PlanFact
from billing.plans.pricing import check_amount
from billing.processor import intents
from billing.processor.port import ProcessorRefused
from service.knowledge import knowledge_bases
from service.knowledge.cards import card_changed
from service.platform.idempotency import Once, claim, forgotten_on_failure, keep
from service.platform.ids import new_id
from service.usecases.context import Context


async def create_plan(
    context: Context,
    *,
    id: UUID,
    knowledge_base_id: UUID,
    owner_id: UUID,
    interval: Interval,
    days: int | None,
    price: Money,
    trial_days: int,
    once: Once | None,
) -> PlanFact:
    """For sale when this returns, if the knowledge base is published. The price has its tax in it.

    Raises ``KnowledgeBaseNotFound``, ``InvalidPlan``, ``InvalidAmount``, ``ProcessorRefused`` and
    ``ProcessorUnavailable``; after the last, nothing is for sale and the call may be made again.
    """
    settings = context.settings
    catalog.check_terms(
        interval,
        days=days,
        trial_days=trial_days,
        most_days=settings.pass_max_days,
        most_trial=settings.trial_max_days,
    )
    least = Money(settings.minimum_charge, settings.currency)
    check_amount(price, least=least, most=settings.plan_max_amount)
    price_id = new_id()
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, PlanFact)) is not None:
            return kept
        base = await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id)
        await catalog.add_plan(
            session,
            id=id,
            price_id=price_id,
            knowledge_base_id=knowledge_base_id,
            interval=interval,
            days=days,
            price=price,
            trial_days=trial_days,
        )
        await intents.begin(
            session,
            id=price_id,
            kind="price",
            subject_id=id,
            idempotency_key=f"price:{price_id}",
            request={"amount": price.amount, "currency": price.currency, "interval": interval},
        )
    async with forgotten_on_failure(context.database, once):
        metadata = {"plan_id": str(id), "knowledge_base_id": str(knowledge_base_id)}
        try:
            product_id = await context.payments.create_product(
                name=base.title, metadata=metadata, idempotency_key=f"product:{id}"
            )
            stripe_price_id = await context.payments.create_price(
                product_id=product_id,
                amount=price,
                interval=None if interval == "once" else interval,
                lookup_key=str(price_id),
                metadata=metadata,
                idempotency_key=f"price:{price_id}",
            )
        except ProcessorRefused as refused:
            async with context.database.transaction() as session:
                await intents.refused(session, price_id, error=str(refused))
            raise
        async with context.database.transaction() as session:
            await intents.done(session, price_id, result_id=stripe_price_id)
            made = await catalog.open_sale(
                session, id=id, product_id=product_id, stripe_price_id=stripe_price_id
            )
            await card_changed(session, knowledge_base_id)
            await keep(session, once, made)
            return made


async def list_plans(
    context: Context, *, knowledge_base_id: UUID, owner_id: UUID, before: UUID | None, limit: int
) -> list[PlanFact]:
    """The plans of the creator's knowledge base, newest first. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        return await catalog.list_plans(
            connection, knowledge_base_id=knowledge_base_id, before=before, limit=limit
        )
