"""What was transferred for a sale is compared with what is owed for it, and too much is taken back."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from billing.payouts import recording, reversing
from billing.payouts.reversing import ReversalOrder
from billing.processor import inbox
from billing.processor.port import ProcessorFailureKept, ProcessorRefused, ProcessorUnavailable
from service.platform.ids import new_id
from service.usecases.context import Context

log = structlog.get_logger(__name__)


async def balance_sale(context: Context, *, sale_id: str) -> None:
    """Reverses transfers of the sale until its creator has no more than is owed; the rest is a debt.

    After a refund or a dispute, and after a transfer that came too late for one. What is owed again, as after
    a dispute that was won, is paid by the next run. Raises ``ProcessorUnavailable`` to be tried again.
    """
    async with context.database.transaction() as session:
        cut_off = await reversing.of_sale(session, UUID(sale_id))
    await finish_reversals(context, cut_off)
    async with context.database.transaction() as session:
        orders = await reversing.plan(
            session, UUID(sale_id), clock=await inbox.clock(session), make_id=new_id
        )
    for order in orders:
        await _reverse(context, order)


async def finish_reversals(context: Context, orders: Sequence[ReversalOrder]) -> None:
    """Looks up reversals that were cut off, and asks again for those that were not made."""
    for order in orders:
        transfer = await context.payments.retrieve_transfer(order.transfer_id)
        async with context.database.transaction() as session:
            for reversal in transfer.reversals:
                await recording.record_reversal(session, reversal, make_id=new_id)
            again = await reversing.again(session, order, clock=await inbox.clock(session))
        if again is not None:
            await _reverse(context, again)


async def _reverse(context: Context, order: ReversalOrder) -> None:
    try:
        reversal = await context.payments.reverse_transfer(
            order.transfer_id,
            amount=order.amount,
            metadata={"reversal_id": str(order.id)},
            idempotency_key=order.idempotency_key,
        )
    except ProcessorFailureKept:
        async with context.database.transaction() as session:
            await reversing.failure_kept(session, order)
        raise
    except ProcessorUnavailable:
        raise
    except ProcessorRefused as refused:
        log.warning("reversal.refused", reversal=str(order.id), reason=refused.code or str(refused))
        async with context.database.transaction() as session:
            await reversing.refused(session, order, reason=refused.code or str(refused))
        return
    async with context.database.transaction() as session:
        await recording.record_reversal(session, reversal, make_id=new_id)
