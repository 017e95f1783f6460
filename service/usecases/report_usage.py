"""Reports metered usage to Stripe: absolute hourly totals, each revision exactly once in effect."""

import asyncio
from collections import defaultdict

import structlog

from billing.metering import reporting
from billing.metering.reporting import Report
from billing.processor.port import ProcessorRefused, ProcessorUnavailable
from service.usecases.context import Context

log = structlog.get_logger(__name__)

GROUP = 200
CUSTOMERS_AT_ONCE = 8


async def report_usage(context: Context) -> int:
    """Sends every total that is due and returns how many arrived; what does not arrive stays due.

    One call at a time for a customer, several customers at once. No transaction is open during a call.
    """
    total = 0
    while True:
        async with context.database.transaction() as session:
            reports = await reporting.intend(session, limit=GROUP)
        by_customer: dict[str, list[Report]] = defaultdict(list)
        for report in reports:
            by_customer[report.customer_id].append(report)
        places = asyncio.Semaphore(CUSTOMERS_AT_ONCE)
        arrived = await asyncio.gather(*(_send(context, own, places) for own in by_customer.values()))
        total += sum(arrived)
        # What was left is tried at the next run: a processor in trouble is not pressed.
        if len(reports) < GROUP or sum(arrived) < len(reports):
            return total


async def _send(context: Context, reports: list[Report], places: asyncio.Semaphore) -> int:
    arrived: list[Report] = []
    async with places:
        for report in reports:
            try:
                await context.payments.send_meter_event(
                    meter=report.meter,
                    customer_id=report.customer_id,
                    value=report.value,
                    timestamp=report.timestamp,
                    identifier=report.identifier,
                )
            except ProcessorUnavailable as error:
                log.warning("usage.unsent", identifier=report.identifier, reason=str(error))
                break
            except ProcessorRefused as error:
                log.error("usage.rejected", identifier=report.identifier, reason=str(error))
                async with context.database.transaction() as session:
                    await reporting.rejected(session, report, reason=str(error))
            else:
                arrived.append(report)
        async with context.database.transaction() as session:
            await reporting.delivered(session, arrived)
    return len(arrived)
