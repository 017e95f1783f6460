"""What Stripe told us takes effect: the events of one lane are worked, each by looking at its object again.

Order and doubling do not matter, since what is written is what was fetched. Events about the same object are
answered by one look. A failure puts its events off and lets the rest of the lane go on.
"""

from collections import defaultdict
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from billing.processor import inbox
from billing.processor.inbox import Lane, LaneLost, StoredEvent
from billing.processor.port import ProcessorUnavailable
from billing.processor.stripe_tasks import Task, task_of, tombstone
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.receive_stripe_event import PRIORITY
from service.usecases.record_transfer import settle_transfer
from service.usecases.settle_account import forget_account, settle_account
from service.usecases.settle_bank_payout import settle_bank_payout
from service.usecases.settle_checkout import settle_checkout
from service.usecases.settle_dispute import settle_dispute
from service.usecases.settle_fraud_warning import settle_fraud_warning
from service.usecases.settle_invoice import settle_invoice
from service.usecases.settle_meter_problem import settle_meter_problem
from service.usecases.settle_payment import settle_payment
from service.usecases.settle_refunds import settle_refunds
from service.usecases.settle_subscription import settle_subscription

log = structlog.get_logger(__name__)

HOLD_SECONDS = 15
"""How long a lane is held without a sign of life: a holder that was killed blocks it no longer."""


async def settle_stripe_events(context: Context, *, lane: str) -> None:
    """Works all events of the lane that are due. Does nothing while another does so."""
    async with context.database.transaction() as session:
        held = await inbox.take(session, lane, seconds=HOLD_SECONDS)
        if held is None:
            # The holder looks again before it lets go; this is for one that never does.
            now = await inbox.clock(session)
            await _later(session, lane, at=now + timedelta(seconds=HOLD_SECONDS + 1))
            return
    try:
        while not await _work_all(context, held):
            pass
    except LaneLost:
        log.warning("stripe_lane.lost", lane=lane)


async def _work_all(context: Context, held: Lane) -> bool:
    """Works what is due now. Whether nothing more had come and the lane was let go."""
    async with context.database.transaction() as session:
        events = await inbox.due(session, held)
    tasks: defaultdict[Task | None, list[StoredEvent]] = defaultdict(list)
    for event in events:
        tasks[task_of(event)].append(event)
    for task, about in tasks.items():
        await _work(context, held, task, about)
    async with context.database.transaction() as session:
        return await inbox.release(session, held)


async def _work(context: Context, held: Lane, task: Task | None, about: list[StoredEvent]) -> None:
    async with context.database.transaction() as session:
        await inbox.guard(session, held, seconds=HOLD_SECONDS)
    try:
        outcome = "nothing to do" if task is None else await _look(context, held, task, about[-1])
    except LaneLost:
        raise
    except Exception as error:
        await _put_off(context, held, about, error)
        return
    async with context.database.transaction() as session:
        await inbox.worked(session, [event.id for event in about], outcome=outcome)


async def _look(context: Context, held: Lane, task: Task, newest: StoredEvent) -> str:
    object_id = task.object_id
    match task.look:
        case "checkout":
            return await settle_checkout(context, session_id=object_id, lane=held)
        case "subscription":
            return await settle_subscription(
                context, subscription_id=object_id, lane=held, gone=lambda: tombstone(newest)
            )
        case "invoice":
            return await settle_invoice(context, invoice_id=object_id, lane=held)
        case "payment":
            return await settle_payment(context, payment_intent_id=object_id, lane=held)
        case "refunds":
            return await settle_refunds(context, charge_id=object_id, lane=held)
        case "dispute":
            return await settle_dispute(context, dispute_id=object_id, lane=held)
        case "fraud_warning":
            return await settle_fraud_warning(context, warning_id=object_id, lane=held)
        case "account":
            return await settle_account(context, stripe_account_id=object_id, lane=held)
        case "transfer":
            return await settle_transfer(context, transfer_id=object_id, lane=held)
        case "bank_payout":
            return await settle_bank_payout(context, payout_id=object_id, account=task.account, lane=held)
        case "meter_problem":
            return await settle_meter_problem(context, event_id=object_id, lane=held)
        case "disconnected":
            return await forget_account(context, stripe_account_id=object_id, lane=held)


async def _put_off(context: Context, held: Lane, about: list[StoredEvent], error: Exception) -> None:
    # A processor that is down, for hours perhaps, says nothing about the event: it waits for as long.
    down = isinstance(error, ProcessorUnavailable)
    async with context.database.transaction() as session:
        wait = await inbox.failed(
            session,
            about,
            error=f"{type(error).__name__}: {error}",
            max_attempts=None if down else context.settings.webhook_max_attempts,
        )
        if wait is not None:
            now = await inbox.clock(session)
            await _later(session, held.name, at=now + timedelta(seconds=wait))
    ids = [event.id for event in about]
    if wait is None:
        log.error("stripe_event.dead", events=ids, exc_info=error)
    else:
        log.warning("stripe_event.put_off", events=ids, seconds=wait, error=type(error).__name__)


async def _later(session: AsyncSession, lane: str, *, at: datetime) -> None:
    # With no lock: a job that waits for its hour would hold up the lane's other jobs.
    await defer(
        session,
        "settle_stripe_events",
        queueing_lock=f"stripe:{lane}:{int(at.timestamp())}",
        at=at,
        priority=PRIORITY,
        lane=lane,
    )
