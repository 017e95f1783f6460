"""An organization ends its contract: at once, with its last usage billed, or at its period's end."""

import asyncio
from datetime import timedelta
from typing import Literal
from uuid import UUID

import structlog

from billing.metering import contracts, counters, reconciling, reporting, reservations
from billing.metering.contracts import ContractFact
from billing.processor import inbox, intents
from billing.processor.port import ProcessorObjectMissing, ProcessorUnavailable
from service.access.admission import ContractRequired
from service.accounts import audit
from service.accounts.organizations import require_role
from service.platform.database import zhihao_now
from service.platform.driver import driver_connection
from service.platform.ids import new_id
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.read_usage import month_of
from service.usecases.report_usage import report_usage_of
from service.usecases.settle_subscription import settle_subscription
from service.usecases.start_contract import STARTERS
from service.usecases.tell_of_contract import tell_of_contract

log = structlog.get_logger(__name__)

When = Literal["now", "period_end"]

SHORT_WAIT_SECONDS = 5.0


class ContractEnding(Exception):
    """The contract is being ended, and its last usage is not billed yet: it is looked at again."""


async def end_contract(context: Context, *, organization_id: UUID, account_id: UUID, when: When) -> None:
    """At once: no call is let in from the acknowledgement on; what was let in is on the last invoice.

    When the processor cannot be asked, or calls are still running, the rest is done as soon as it can be.
    Raises ``ContractRequired``, ``OrganizationNotFound``, ``RoleMissing`` and, at the period's end only,
    ``ProcessorUnavailable``.
    """
    async with context.database.transaction() as session:
        await require_role(session, organization_id, account_id, *STARTERS)
        current = await contracts.find(session, organization_id)
        if current is None or current.status not in contracts.RUNNING:
            raise ContractRequired("this organization has no contract in force")
        if when == "now":
            # Whoever is letting a call in holds the counter, and reads the contract after it has it.
            connection = await driver_connection(session)
            first, _ = month_of(await zhihao_now(session))
            await counters.ensure(connection, first.date(), [organization_id])
            await counters.hold(connection, organization_id)
            if await contracts.end(session, organization_id) is not None:
                await tell_of_contract(session, current, organization_id=organization_id)
            await defer(
                session,
                "finish_contract",
                queueing_lock=f"finish_contract:{organization_id}",
                at=await inbox.clock(session) + timedelta(seconds=30),
                organization_id=str(organization_id),
            )
        await audit.record(
            session,
            actor_id=account_id,
            organization_id=organization_id,
            action="contract.ended",
            subject=str(organization_id),
            detail={"when": when},
        )
    if when == "period_end":
        await _at_period_end(context, current)
        return
    try:
        await finish_contract(context, organization_id=str(organization_id))
    except (ContractEnding, ProcessorUnavailable) as error:
        log.info("contract.ends_later", organization_id=str(organization_id), reason=str(error))


async def finish_contract(context: Context, *, organization_id: str) -> None:
    """Bills the last usage of a contract that is being ended, and ends it at the processor.

    Safe at any time and any number of times. Raises ``ContractEnding`` while calls are still running, or
    their usage has not been counted at the processor; ``ProcessorUnavailable``.
    """
    id = UUID(organization_id)
    async with context.database.reading() as connection:
        current = await contracts.find(connection, id)
        if current is None or current.ending_at is None or current.status not in contracts.RUNNING:
            return
        running = await reservations.running_of(await driver_connection(connection), id)
    if running:
        raise ContractEnding(f"{running} calls are still running")
    if not await report_usage_of(context, id):
        raise ContractEnding("the last usage has not arrived")
    await _counted(context, current)
    await _past_what_was_sent(context, id)
    assert current.stripe_subscription_id is not None
    try:
        await context.payments.cancel_subscription(
            current.stripe_subscription_id, invoice_now=True, idempotency_key=f"end:{new_id()}"
        )
    except ProcessorObjectMissing:
        log.warning("contract.unknown", subscription=current.stripe_subscription_id)
    # The same is told by its events; whoever asks next need not wait for them.
    await settle_subscription(context, subscription_id=current.stripe_subscription_id)


async def _counted(context: Context, current: ContractFact) -> None:
    """Whether the processor has counted all it was told: what it counts later is on no invoice."""
    async with context.database.reading() as connection:
        until = await zhihao_now(connection) + timedelta(hours=1)
        sums = await reconciling.open_sums(connection, organization_id=current.organization_id, until=until)
    meters = await context.payments.find_meters() if sums else {}
    for one in sums:
        if one.meter not in meters:
            raise ContractEnding(f"the processor has no meter {one.meter}")
        theirs = await context.payments.sum_usage(
            meter_id=meters[one.meter], customer_id=one.customer_id, start=one.start, end=one.end
        )
        if theirs != one.ours:
            raise ContractEnding(f"of {one.ours} {one.meter} the processor has counted {theirs}")


async def _past_what_was_sent(context: Context, organization_id: UUID) -> None:
    """The last invoice has what was metered before the contract's end: not a second later."""
    async with context.database.reading() as connection:
        now = await zhihao_now(connection)
        latest = await reporting.latest_timestamp(connection, organization_id, now=now)
    ahead = (latest - now).total_seconds() + 1 if latest is not None else 0.0
    if ahead > SHORT_WAIT_SECONDS:
        raise ContractEnding("the last usage was sent for a time that is yet to come")
    if ahead > 0:
        await asyncio.sleep(ahead)


async def _at_period_end(context: Context, current: ContractFact) -> None:
    assert current.stripe_subscription_id is not None
    id = new_id()
    async with context.database.transaction() as session:
        await intents.begin(
            session,
            id=id,
            kind="contract",
            subject_id=current.organization_id,
            idempotency_key=f"end:{id}",
            request={"subscription": current.stripe_subscription_id, "cancel_at_period_end": True},
        )
    snapshot = await context.payments.set_cancel_at_period_end(
        current.stripe_subscription_id, True, idempotency_key=f"end:{id}"
    )
    async with context.database.transaction() as session:
        await intents.done(session, id, result_id=snapshot.id)
        await contracts.project(session, organization_id=current.organization_id, subscription=snapshot)
