"""A hosted page was paid, or was not: the webhook and the page people come back to do the same."""

from typing import Literal

from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.subscriptions import checkouts
from billing.subscriptions.references import Reference, reference_from
from billing.tips import giving
from service.usecases.context import Context
from service.usecases.settle_payment import settle_payment
from service.usecases.settle_subscription import settle_subscription


async def settle_checkout(context: Context, *, session_id: str, lane: Lane | None = None) -> str:
    """Safe at any time and any number of times; what is not paid yet grants nothing.

    Raises ``ProcessorUnavailable``, ``ProcessorObjectMissing``, ``LaneLost``.
    """
    page = await context.payments.retrieve_checkout(session_id)
    reference = reference_from(page.metadata)
    if reference is None:
        return "not ours"
    if page.status == "expired" or page.failed:
        await _unpaid(context, reference, lane, "failed" if page.failed else "expired")
        return "failed" if page.failed else "expired"
    if page.status != "complete" or page.payment_status == "unpaid":
        return f"{page.status}, {page.payment_status}"
    if page.subscription_id is not None:
        outcome = await settle_subscription(context, subscription_id=page.subscription_id, lane=lane)
    elif page.payment_intent_id is not None:
        outcome = await settle_payment(
            context, payment_intent_id=page.payment_intent_id, lane=lane, tax=page.tax
        )
    else:
        outcome = "nothing was to pay"
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        await checkouts.finish(session, reference.intent_id, "complete")
    return outcome


async def _unpaid(
    context: Context, reference: Reference, lane: Lane | None, status: Literal["expired", "failed"]
) -> None:
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        await checkouts.finish(session, reference.intent_id, status)
        if reference.tip_id is not None:
            await giving.expired(session, reference.tip_id)
