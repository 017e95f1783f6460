"""Compares what Stripe's meters counted with what they were told; while they differ, nobody is paid out."""

from datetime import datetime, timedelta

import structlog

from billing.metering import reconciling
from billing.metering.reconciling import Sum
from billing.payouts import blocks
from billing.processor.port import ProcessorRefused, ProcessorUnavailable
from service.platform.database import zhihao_now
from service.usecases.context import Context

log = structlog.get_logger(__name__)

REASON = "usage_mismatch"


async def reconcile_usage(context: Context) -> int:
    """Asks for every sum that may have changed and returns how many differ, then or still.

    Hours that Stripe counted otherwise than it was told are sent again: totals are absolute, so that is
    harmless.
    """
    margin = timedelta(seconds=context.settings.usage_check_margin_seconds)
    async with context.database.transaction() as session:
        now = await zhihao_now(session)
        await reconciling.forget_over(session, now=now)
        sums = await reconciling.changed(session, await reconciling.open_sums(session, until=now - margin))
    try:
        meters = await context.payments.find_meters() if sums else {}
        for one in sums:
            await _check(context, one, meters.get(one.meter))
    except ProcessorUnavailable as error:
        log.warning("usage.not_compared", reason=str(error))
    async with context.database.transaction() as session:
        found = await reconciling.mismatches(session)
        if found:
            words = [f"{m.organization_id} {m.meter}: sent {m.ours}, counted {m.theirs}" for m in found]
            await blocks.block(session, REASON, "; ".join(words)[:1000])
        else:
            await blocks.clear(session, REASON)
    return len(found)


async def _check(context: Context, one: Sum, meter_id: str | None) -> None:
    theirs, hours = 0, dict[datetime, int]()
    if meter_id is not None:
        try:
            theirs = await context.payments.sum_usage(
                meter_id=meter_id, customer_id=one.customer_id, start=one.start, end=one.end
            )
            if theirs != one.ours:
                hours |= await context.payments.list_usage(
                    meter_id=meter_id, customer_id=one.customer_id, start=one.start, end=one.end
                )
        except ProcessorRefused as error:
            log.error("usage.not_comparable", organization_id=str(one.organization_id), reason=str(error))
            return
    async with context.database.transaction() as session:
        await reconciling.checked(session, one, theirs=theirs)
        again = await reconciling.send_again(session, one, hours) if theirs != one.ours else []
    if theirs != one.ours:
        log.error(
            "usage.mismatch",
            organization_id=str(one.organization_id),
            meter=one.meter,
            sent=one.ours,
            counted=theirs,
            hours_sent_again=len(again),
        )
