"""Who is to be charged soon is told in good time, once a period."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.plans import catalog
from billing.subscriptions import changes
from billing.subscriptions.changes import ChangeFact
from billing.subscriptions.upcoming import Upcoming, upcoming
from service.knowledge import knowledge_bases
from service.mail import letters
from service.usecases.context import Context


async def notify_renewals(context: Context) -> None:
    """The periodic job: yearly renewals (or those the settings name), and trials about to be paid for."""
    settings = context.settings
    await _notify(context, "active", settings.noticed_intervals, timedelta(days=settings.renewal_notice_days))
    await _notify(context, "trialing", ("month", "year"), timedelta(days=settings.trial_notice_days))


async def _notify(
    context: Context, status: Literal["active", "trialing"], intervals: Collection[str], within: timedelta
) -> None:
    after: tuple[datetime, UUID] | None = None
    batch = context.settings.sweep_batch
    while True:
        async with context.database.transaction() as session:
            found = await upcoming(
                session, status=status, intervals=intervals, within=within, after=after, limit=batch
            )
            await _write(session, found, public_url=context.settings.public_url.rstrip("/"))
        if len(found) < batch:
            return
        after = (found[-1].at, found[-1].subscription.id)


def _price_of(each: Upcoming, change: ChangeFact | None) -> UUID:
    """What the coming period is charged at: another price, if one comes with it."""
    if change is not None and change.kind != "upgrade":
        scheduled = change.effective_at is not None and change.effective_at <= each.at
        if scheduled or change.is_due(each.subscription):
            return change.price_id
    return each.subscription.price_id


async def _write(session: AsyncSession, found: list[Upcoming], *, public_url: str) -> None:
    subscriptions = [each.subscription for each in found]
    pending = await changes.open_of(session, [each.id for each in subscriptions])
    bases = await knowledge_bases.get_many(session, [each.knowledge_base_id for each in subscriptions])
    at_price = {each.subscription.id: _price_of(each, pending.get(each.subscription.id)) for each in found}
    prices = await catalog.prices(session, set(at_price.values()))
    for each in found:
        held = each.subscription
        base, price = bases.get(held.knowledge_base_id), prices.get(at_price[held.id])
        if base is None:
            continue
        await letters.write(
            session,
            "renewal_notice",
            account_id=held.account_id,
            key=f"renewal_notice:{held.id}:{each.at.isoformat()}",
            facts={
                "title": base.title,
                "amount": price.price.amount if price else None,
                "currency": price.price.currency if price else None,
                "at": each.at.isoformat(),
                "interval": each.interval,
                "url": f"{public_url}/k/{base.slug}",
            },
        )
