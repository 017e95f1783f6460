"""Somebody comes back from the payment page: what they paid for is theirs, also before any webhook."""

from typing import Literal

from billing.processor.port import ProcessorRefused, ProcessorUnavailable
from billing.subscriptions import checkouts
from service.usecases.context import Context
from service.usecases.hold_lane import LaneBusy, lane_held
from service.usecases.settle_checkout import settle_checkout


async def confirm_checkout(context: Context, *, stripe_session_id: str) -> Literal["paid", "waiting"]:
    """Does what the webhook does, at once and as safely. What is not paid yet, or not known, waits.

    Asks the processor only about pages of ours that are not known to be paid.
    """
    async with context.database.reading() as connection:
        status = await checkouts.status_of(connection, stripe_session_id)
    if status is None:
        return "waiting"
    if status == "complete":
        return "paid"
    try:
        page = await context.payments.retrieve_checkout(stripe_session_id)
        if page.status != "complete" or page.payment_status == "unpaid":
            return "waiting"
        lane = page.customer_id or page.payment_intent_id or page.id
        async with lane_held(context, lane) as held:
            await settle_checkout(context, session_id=page.id, lane=held)
    except (ProcessorUnavailable, ProcessorRefused, LaneBusy):
        return "waiting"
    return "paid"
