"""A creator asks those who subscribed at another price to pay the plan's price of now, after a notice."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.plans import catalog
from billing.plans.catalog import InvalidPlan
from billing.subscriptions import repricing
from billing.subscriptions.repricing import RepriceFact as RepriceFact
from service.knowledge import knowledge_bases
from service.mail.letters import write
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, keep
from service.platform.ids import new_id
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.settle_subscription import settle_change_soon


async def reprice_plan(
    context: Context,
    *,
    id: UUID,
    plan_id: UUID,
    knowledge_base_id: UUID,
    owner_id: UUID,
    notice_days: int | None,
    once: Once | None,
) -> RepriceFact:
    """A dearer price is charged from the first renewal after the notice on, a lower one from the next.

    Everybody is told, and may end the subscription before; who is about to change to another plan is left
    alone. A price change of the plan that is still under way gives way to this one. ``notice_days`` None is
    the least there is. Raises ``KnowledgeBaseNotFound``, ``PlanNotFound`` and ``InvalidPlan``.
    """
    least = context.settings.price_change_notice_days
    most = context.settings.price_change_notice_max_days
    days = least if notice_days is None else notice_days
    if not least <= days <= most:
        raise InvalidPlan(f"The notice is from {least} to {most} days.", "/notice_days")
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, RepriceFact)) is not None:
            return kept
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id)
        offer = await catalog.offer_of(
            session, plan_id=plan_id, knowledge_base_id=knowledge_base_id, lock=True
        )
        now = await zhihao_now(session)
        called_off = await repricing.begin(
            session,
            id=id,
            plan_id=plan_id,
            price_id=offer.price_id,
            price=offer.plan.price,
            now=now,
            not_before=now + timedelta(days=days),
            new_id=new_id,
        )
        for subscription_id in called_off:
            await settle_change_soon(session, subscription_id)
        await _tell_soon(session, id)
        made = await repricing.read(session, id)
        await keep(session, once, made)
        return made


async def list_reprices(
    context: Context,
    *,
    plan_id: UUID,
    knowledge_base_id: UUID,
    owner_id: UUID,
    before: UUID | None,
    limit: int,
) -> list[RepriceFact]:
    """The plan's price changes and how far they have come, newest first.

    Raises ``KnowledgeBaseNotFound`` and ``PlanNotFound``.
    """
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        await catalog.offer_of(connection, plan_id=plan_id, knowledge_base_id=knowledge_base_id)
        return await repricing.list_of(connection, plan_id=plan_id, before=before, limit=limit)


async def tell_price_change(context: Context, *, reprice_id: str) -> None:
    """The job: tells some of those who are to know, and defers itself for the rest."""
    batch = context.settings.sweep_batch
    async with context.database.transaction() as session:
        notices = await repricing.untold(session, UUID(reprice_id), limit=batch)
        if not notices:
            return
        titles = await knowledge_bases.get_many(
            session, list({notice.knowledge_base_id for notice in notices})
        )
        for notice in notices:
            base = titles.get(notice.knowledge_base_id)
            await write(
                session,
                "price_change",
                account_id=notice.account_id,
                key=f"price_change:{notice.change_id}",
                facts={
                    "title": base.title if base else None,
                    "old_amount": notice.before.amount,
                    "amount": notice.after.amount,
                    "currency": notice.after.currency,
                    "not_before": notice.not_before.isoformat(),
                },
            )
        for subscription_id in await repricing.told(session, [notice.change_id for notice in notices]):
            await settle_change_soon(session, subscription_id)
        if len(notices) == batch:
            await _tell_soon(session, UUID(reprice_id))


async def _tell_soon(session: AsyncSession, reprice_id: UUID) -> None:
    await defer(
        session,
        "tell_price_change",
        queueing_lock=f"tell_price_change:{reprice_id}",
        reprice_id=str(reprice_id),
    )
