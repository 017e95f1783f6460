"""A reader asks for money back."""

from uuid import UUID

from billing.subscriptions import projecting, refund_requests
from billing.subscriptions.refund_requests import RefundRequestFact as RefundRequestFact
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context


async def request_refund(
    context: Context, *, id: UUID, subscription_id: UUID, account_id: UUID, reason: str, once: Once | None
) -> RefundRequestFact:
    """Kept until it is answered. Raises ``SubscriptionNotFound`` and ``RefundAlreadyRequested``."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, RefundRequestFact)) is not None:
            return kept
        await projecting.find(session, id=subscription_id, account_id=account_id)
        made = await refund_requests.ask(
            session, id=id, subscription_id=subscription_id, account_id=account_id, reason=reason
        )
        await keep(session, once, made)
        return made
