"""A payout to a bank changed: the platform's own, or one from a creator's balance at Stripe."""

from billing.payouts import bank
from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.processor.port import ProcessorObjectMissing
from service.outgoing.events import announce
from service.platform.ids import new_id
from service.usecases.context import Context

TOLD = {"failed": "payout.failed", "canceled": "payout.failed"}


async def settle_bank_payout(
    context: Context, *, payout_id: str, account: str | None, lane: Lane | None = None
) -> str:
    """Writes it, posts the platform's, and tells a creator whose bank sent theirs back.

    Raises ``ProcessorUnavailable``, ``LaneLost``.
    """
    try:
        found = await context.payments.retrieve_bank_payout(payout_id, account=account)
    except ProcessorObjectMissing:
        return "unknown to Stripe"
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        creator_id = None if account is None else await bank.creator_at(session, account)
        if account is not None and creator_id is None:
            return "not ours"
        news = await bank.project(session, found, creator_id=creator_id, make_id=new_id)
        if news and creator_id is not None and found.status in TOLD:
            await announce(
                session,
                TOLD[found.status],
                account_id=creator_id,
                object_id=new_id(),
                data={"id": found.id, "amount": found.amount, "reason": found.failure_code},
            )
    return found.status
