"""Stripe could not count meter events that it had taken: they are sent again, or kept as dead letters."""

import structlog

from billing.metering import reporting
from billing.processor import inbox
from billing.processor.inbox import Lane
from service.usecases.context import Context

log = structlog.get_logger(__name__)

MENDABLE = frozenset({"no_meter", "archived_meter", "timestamp_in_future"})
"""Stripe's words for what the same total, sent again, may get over. All else is for people to look at."""


async def settle_meter_problem(context: Context, *, event_id: str, lane: Lane | None = None) -> str:
    """Marks the totals that Stripe names. It names some of many: the rest is found by the reconciliation.

    Raises ``ProcessorUnavailable``, ``LaneLost``.
    """
    problem = await context.payments.read_meter_problem(event_id)
    again = rejected = 0
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        for identifier, code in sorted(problem.samples.items()):
            report = reporting.named(identifier)
            if report is None:
                continue
            if code in MENDABLE:
                again += await reporting.send_again(session, report)
            else:
                rejected += await reporting.uncounted(session, report, reason=code)
    log.error("usage.uncounted", count=problem.count, again=again, rejected=rejected, summary=problem.summary)
    return f"{again} sent again, {rejected} rejected"
