"""A card's issuer warns of fraud: it is recorded and, if so set, the money is given back in time."""

from uuid import UUID, uuid5

import structlog

from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.processor.port import ProcessorRefused
from billing.refunds import taking, warnings
from billing.refunds.giving import ChargeDisputed, NothingToRefund
from billing.subscriptions.sales import SaleUnknown
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.give_refund import give_refund
from service.usecases.settle_refunds import is_ours

log = structlog.get_logger(__name__)

_REFUNDS = UUID("d1c3d2d2-52f0-5b43-8d57-4b1e4b6f9f0e")


async def settle_fraud_warning(context: Context, *, warning_id: str, lane: Lane | None = None) -> str:
    """Looks at the warning and keeps it. With ``refund_on_fraud_warning``, what can still be spared a dispute
    is given back whole, and a subscription that it paid for ended: whoever owns the card did not buy.

    Raises ``SaleUnknown`` while a charge of ours is not recorded, ``ProcessorUnavailable``, ``LaneLost``.
    """
    said = await context.payments.retrieve_fraud_warning(warning_id)
    try:
        async with context.database.transaction() as session:
            await inbox.guard(session, lane)
            sold = await taking.lock(session, charge_id=said.charge_id)
            kept = await warnings.write(session, sold, id=new_id(), said=said)
    except SaleUnknown:
        if await is_ours(context, said.charge_id):
            raise
        return "not ours"
    log.warning("fraud_warning.received", sale=str(sold.id), type=said.fraud_type)
    if not (said.actionable and context.settings.refund_on_fraud_warning):
        return "recorded"
    try:
        given = await give_refund(
            context,
            # The same for the same warning, however often it is looked at.
            refund_id=uuid5(_REFUNDS, said.id),
            actor_id=None,
            as_operator=True,
            sale_id=sold.id,
            amount=None,
            reason="early fraud warning",
            once=None,
            end_subscription=True,
        )
    except (ChargeDisputed, NothingToRefund, ProcessorRefused) as too_late:
        return f"recorded, {type(too_late).__name__}"
    async with context.database.transaction() as session:
        await warnings.answered(session, kept, refund_id=given.id)
    return "refunded"
