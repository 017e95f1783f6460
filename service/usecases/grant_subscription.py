"""What was paid for is open: the grant of a subscription or a pass, as its rows now say it should be."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing.entitlements import grants
from billing.refunds import taking
from billing.refunds.taking import Sale
from billing.subscriptions import projecting
from billing.subscriptions.projecting import SubscriptionFact
from service.platform.database import zhihao_now
from service.platform.ids import new_id
from service.usecases.grant_passes import grant_passes


async def grant_subscription(
    session: AsyncSession, subscription: SubscriptionFact, *, grace: timedelta
) -> None:
    """Makes the subscription's grant what it should be. While a bank has taken back what was paid for the
    current period, it opens nothing."""
    now = await zhihao_now(session)
    period = grants.subscribed_period(
        status=subscription.status,
        started_at=subscription.started_at,
        current_period_end=subscription.current_period_end,
        cancel_at_period_end=subscription.cancel_at_period_end,
        past_due_since=subscription.past_due_since,
        ended_at=subscription.ended_at,
        grace=grace,
        now=now,
    )
    if period is None:
        return
    disputed = await taking.withheld(
        session, subscription_id=subscription.id, period_start=subscription.current_period_start
    )
    if disputed and period.revoked_at is None:
        period = replace(period, revoked_at=now)
    await grants.put(
        session,
        id=new_id(),
        account_id=subscription.account_id,
        knowledge_base_id=subscription.knowledge_base_id,
        source="subscription",
        source_id=subscription.id,
        reason="payment disputed" if disputed else f"subscription {subscription.status}",
        period=period,
    )


async def grant_again(session: AsyncSession, sold: Sale, *, grace: timedelta) -> None:
    """After money of the sale was taken, or came back: what it opened is open or not, as it should be.

    A pass opens nothing once all of it was given back, or any of it was taken by a bank.
    """
    if sold.kind == "pass" and sold.account_id is not None and sold.knowledge_base_id is not None:
        await grant_passes(session, account_id=sold.account_id, knowledge_base_id=sold.knowledge_base_id)
    if sold.subscription_id is not None and sold.account_id is not None:
        # Held, so that whoever writes the subscription now does not see the sale as it was.
        subscription = await projecting.find(
            session, id=sold.subscription_id, account_id=sold.account_id, lock=True
        )
        await grant_subscription(session, subscription, grace=grace)
