"""A refund that was begun is brought to its end, whatever happened to whoever began it.

What became of it is asked before it is asked for again, and the same key is used for as long as the
processor keeps it and has not kept a failure under it: so nothing is given back twice.
"""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import structlog

from billing.processor import intents
from billing.processor.port import (
    ProcessorFailureKept,
    ProcessorObjectMissing,
    ProcessorRefused,
)
from billing.processor.refunds import Refund
from billing.refunds import giving, requests, taking
from billing.refunds.giving import Asked, RefundFact
from billing.subscriptions import projecting
from billing.subscriptions.projecting import ENDED
from service.platform.ids import new_id
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.settle_refunds import write_refunds
from service.usecases.settle_subscription import write_subscription

log = structlog.get_logger(__name__)

KEYS_KEPT = timedelta(hours=23)
LATE = timedelta(seconds=60)
"""Older than any call to the processor takes, with its retries."""


async def finish(context: Context, *, refund_id: UUID, look_first: bool) -> RefundFact:
    """Asks for the refund unless it was given; safe at any time and any number of times.

    ``look_first`` is for one that may have been asked for before. Raises ``ProcessorUnavailable`` while the
    outcome is unknown, and ``ProcessorRefused`` when it was refused for good.
    """
    async with context.database.reading() as connection:
        asked = await giving.asked_of(connection, refund_id)
        known = await giving.read(connection, refund_id)
    assert known is not None, "a refund is kept before it is finished"
    if asked is None:
        return known
    if look_first and (found := await _found(context, asked)):
        return await _written(context, asked, found)
    try:
        given = await context.payments.create_refund(
            asked.charge_id,
            amount=asked.amount,
            metadata={"refund_id": str(asked.id)},
            idempotency_key=await _key(context, asked),
        )
    except ProcessorFailureKept:
        if found := await _found(context, asked):
            return await _written(context, asked, found)
        async with context.database.transaction() as session:
            await intents.renew(session, asked.id)
        raise
    except ProcessorRefused as refusal:
        if found := await _found(context, asked):
            return await _written(context, asked, found)
        async with context.database.transaction() as session:
            await giving.refused(session, asked.id, why=refusal.code or "refused")
            await intents.refused(session, asked.id, error=str(refusal))
            await requests.reopen(session, refund_id=asked.id)
        raise
    return await _written(context, asked, given)


async def finish_refund(context: Context, *, refund_id: str) -> None:
    """The job. A refusal is final and was written: it is no reason to come again."""
    with suppress(ProcessorRefused):
        await finish(context, refund_id=UUID(refund_id), look_first=True)


async def sweep_refunds(context: Context) -> None:
    """Has refunds finished that were begun and forgotten: whoever began them was killed."""
    async with context.database.transaction() as session:
        for refund_id in await giving.left_asked(session, older_than=LATE):
            await defer(
                session, "finish_refund", queueing_lock=f"refund:{refund_id}", refund_id=str(refund_id)
            )


async def end_given_back(context: Context, *, sale_id: str) -> None:
    """The job: ends at once the subscription whose payment was given back, or taken back for good."""
    async with context.database.reading() as connection:
        sold = await taking.find(connection, id=UUID(sale_id))
        if sold.subscription_id is None or sold.account_id is None:
            return
        current = await projecting.find(connection, id=sold.subscription_id, account_id=sold.account_id)
    if current.status in ENDED:
        return
    snapshot = await context.payments.retrieve_subscription(current.stripe_subscription_id)
    if snapshot.status not in ENDED:
        snapshot = await context.payments.cancel_subscription(
            current.stripe_subscription_id, invoice_now=False, idempotency_key=f"given_back:{new_id()}"
        )
    await write_subscription(context, snapshot)


async def _key(context: Context, asked: Asked) -> str:
    async with context.database.transaction() as session:
        key = await intents.key_of(session, asked.id, kept=KEYS_KEPT)
        return key or await intents.renew(session, asked.id)


async def _found(context: Context, asked: Asked) -> Refund | None:
    """The refund at the processor, if it is there."""
    try:
        given = await context.payments.list_refunds(asked.charge_id)
    except ProcessorObjectMissing:
        return None
    return next((each for each in given if each.metadata.get("refund_id") == str(asked.id)), None)


async def _written(context: Context, asked: Asked, given: Refund) -> RefundFact:
    async with context.database.transaction() as session:
        await write_refunds(context, session, charge_id=asked.charge_id, said=[given])
        await intents.done(session, asked.id, result_id=given.id)
        known = await giving.read(session, asked.id)
    assert known is not None, "it was just written"
    log.info("refund.given", refund=str(asked.id), status=known.status)
    return known
