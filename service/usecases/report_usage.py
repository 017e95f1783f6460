"""Reports metered usage to Stripe: absolute hourly totals, each revision exactly once in effect.

What came too late for its period's invoice goes to Stripe as an item of the next one.
"""

import asyncio
import time
from collections import defaultdict
from uuid import UUID

import structlog

from billing.metering import contracts, late, reporting
from billing.metering.late import LateLine, Terms
from billing.metering.reporting import Report
from billing.processor import inbox
from billing.processor.inbox import LaneLost
from billing.processor.port import ProcessorRefused, ProcessorUnavailable
from billing.subscriptions.references import Reference
from service.platform.ids import new_id
from service.usecases.context import Context

log = structlog.get_logger(__name__)

HOLD_SECONDS = 60
"""How long a customer is held without a sign of life: longer than a call can take, with its retries."""


async def report_usage(context: Context) -> int:
    """Sends every total that is due and returns how many arrived; what does not arrive stays due.

    One call at a time for a customer, several customers at once. No transaction is open during a call.
    """
    total = 0
    while True:
        sent, due = await _report(context, None)
        total += sent
        # What was left is tried at the next run: a processor in trouble is not pressed.
        if due < context.settings.sweep_batch or sent < due:
            break
    await _bill_late(context)
    return total


async def report_usage_of(context: Context, organization_id: UUID) -> bool:
    """Sends what is due of one organization; whether all of it arrived."""
    while True:
        sent, due = await _report(context, organization_id)
        if due == 0 or sent < due:
            return due == 0


async def _report(context: Context, organization_id: UUID | None) -> tuple[int, int]:
    async with context.database.transaction() as session:
        reports = await reporting.intend(
            session, limit=context.settings.sweep_batch, organization_id=organization_id
        )
    by_customer: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        by_customer[report.customer_id].append(report)
    places = asyncio.Semaphore(context.settings.usage_report_concurrency)
    arrived = await asyncio.gather(*(_send(context, own, places) for own in by_customer.values()))
    return sum(arrived), len(reports)


async def _send(context: Context, reports: list[Report], places: asyncio.Semaphore) -> int:
    arrived: list[Report] = []
    async with places:
        async with context.database.transaction() as session:
            lane = await inbox.take(session, f"usage:{reports[0].customer_id}", seconds=HOLD_SECONDS)
        if lane is None:
            return 0
        guarded = time.monotonic()
        try:
            for report in reports:
                if time.monotonic() - guarded > HOLD_SECONDS / 4:
                    async with context.database.transaction() as session:
                        await inbox.guard(session, lane, seconds=HOLD_SECONDS)
                    guarded = time.monotonic()
                if not await _deliver(context, report, arrived):
                    break
        except LaneLost:
            log.warning("usage.lane_lost", customer=reports[0].customer_id)
        async with context.database.transaction() as session:
            await reporting.delivered(session, arrived)
        async with context.database.transaction() as session:
            await inbox.let_go(session, lane)
    return len(arrived)


async def _deliver(context: Context, report: Report, arrived: list[Report]) -> bool:
    """Whether the next one may be tried."""
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
        return False
    except ProcessorRefused as error:
        log.error("usage.rejected", identifier=report.identifier, reason=str(error))
        async with context.database.transaction() as session:
            await reporting.rejected(session, report, reason=str(error))
    else:
        arrived.append(report)
    return True


async def _bill_late(context: Context) -> None:
    """Puts late usage on lines of its own, and has the processor add them to the next invoices."""
    settings = context.settings
    terms = Terms(
        settings.currency,
        settings.price_passages,
        settings.price_answers,
        settings.included_passages,
        settings.included_answers,
    )
    async with context.database.transaction() as session:
        await late.intend(
            session,
            new_id=new_id,
            terms=terms,
            longest_seconds=settings.reservation_seconds,
            grace_hours=settings.invoice_grace_hours,
            limit=settings.sweep_batch,
            running=sorted(contracts.RUNNING),
            ended=sorted(contracts.ENDED),
        )
    async with context.database.transaction() as session:
        lines = await late.waiting(session, limit=settings.sweep_batch)
    for line in lines:
        try:
            item_id = await _item(context, line)
        except ProcessorUnavailable as error:
            log.warning("late_usage.unbilled", line_id=str(line.id), reason=str(error))
            return
        except ProcessorRefused as error:
            log.error("late_usage.refused", line_id=str(line.id), reason=str(error))
            continue
        async with context.database.transaction() as session:
            await late.placed(session, line.id, item_id=item_id)
    await _bill_alone(context)


async def _bill_alone(context: Context) -> None:
    """What came after the last invoice of a contract that ended is invoiced by itself."""
    async with context.database.transaction() as session:
        found = await late.alone(session, ended=sorted(contracts.ENDED), limit=context.settings.sweep_batch)
    for one in found:
        reference = Reference("contract", one.line_id, organization_id=one.organization_id)
        try:
            invoice_id = await context.payments.bill_items(
                customer_id=one.customer_id,
                currency=context.settings.currency,
                metadata=reference.to_metadata(),
                idempotency_key=f"late-invoice:{one.line_id}",
            )
        except ProcessorUnavailable as error:
            log.warning("late_usage.unbilled", organization_id=str(one.organization_id), reason=str(error))
            return
        except ProcessorRefused as error:
            log.error("late_usage.refused", organization_id=str(one.organization_id), reason=str(error))
            continue
        async with context.database.transaction() as session:
            await late.billed_alone(session, one, stripe_invoice_id=invoice_id)


async def _item(context: Context, line: LateLine) -> str:
    """Each attempt has a key of its own, since a failure is kept under a key; so it is looked up before."""
    if line.attempts:
        found = await context.payments.find_invoice_item(
            customer_id=line.customer_id, name="line_id", value=str(line.id)
        )
        if found is not None:
            return found
    return await context.payments.create_invoice_item(
        customer_id=line.customer_id,
        amount=line.amount,
        currency=line.currency,
        description=line.description,
        period=(line.period_start, line.period_end),
        metadata={"line_id": str(line.id)},
        idempotency_key=f"late:{line.id}:{line.attempts}",
    )
