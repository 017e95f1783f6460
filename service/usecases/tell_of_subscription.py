"""A subscription began, changed or ended: its creator's endpoints hear; who cannot pay is written to."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing.money import Money
from billing.subscriptions.projecting import ENDED, UNPAID, SubscriptionFact
from service.mail import letters
from service.outgoing.events import announce
from service.usecases.tell_of_sale import title_of_base

_WATCHED = ("status", "plan_id", "current_period_end", "cancel_at_period_end", "trial_end")
_UNBEGUN = frozenset({"incomplete", "incomplete_expired"})


async def tell_of_subscription(
    session: AsyncSession,
    before: SubscriptionFact | None,
    now: SubscriptionFact,
    *,
    due: Money | None,
    grace: timedelta,
) -> None:
    """In the transaction that wrote ``now`` over ``before``. One that nobody has paid yet is not told of."""
    type = _what_happened(before, now)
    if type is not None:
        await announce(
            session,
            type,
            account_id=now.creator_id,
            object_id=now.id,
            data={
                "id": now.id,
                "knowledge_base_id": now.knowledge_base_id,
                "plan_id": now.plan_id,
                "status": now.status,
                "current_period_end": now.current_period_end,
                "trial_end": now.trial_end,
                "cancel_at_period_end": now.cancel_at_period_end,
                "started_at": now.started_at,
                "ended_at": now.ended_at,
            },
        )
    if now.status in UNPAID and now.past_due_since is not None:
        await letters.write(
            session,
            "payment_failed",
            account_id=now.account_id,
            key=f"payment_failed:{now.id}:{now.past_due_since.isoformat()}",
            facts={
                "title": await title_of_base(session, now.knowledge_base_id) or "知號 Zhihao",
                "amount": due.amount if due else None,
                "currency": due.currency if due else None,
                "until": (now.past_due_since + grace).isoformat(),
                "url": now.payment_url,
            },
        )


def _what_happened(before: SubscriptionFact | None, now: SubscriptionFact) -> str | None:
    begun_before = before is not None and before.status not in _UNBEGUN
    if not begun_before:
        if now.status in _UNBEGUN:
            return None
        return "subscription.ended" if now.status in ENDED else "subscription.created"
    assert before is not None
    if now.status in ENDED:
        return None if before.status in ENDED else "subscription.ended"
    changed = any(getattr(before, name) != getattr(now, name) for name in _WATCHED)
    return "subscription.updated" if changed else None
