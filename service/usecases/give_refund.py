"""Money is given back: by the creator who earned it, by an operator, or by the service itself."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.money import Money
from billing.processor import intents
from billing.processor.port import ProcessorUnavailable
from billing.refunds import giving, requests, taking
from billing.refunds.giving import RefundFact as RefundFact
from billing.refunds.taking import Sale
from service.accounts import audit
from service.platform.idempotency import Once, claim, drop, keep
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.finish_refund import finish


async def give_refund(
    context: Context,
    *,
    refund_id: UUID,
    actor_id: UUID | None,
    as_operator: bool,
    sale_id: UUID,
    amount: Money | int | None,
    reason: str,
    once: Once | None,
    end_subscription: bool | None = None,
    request_id: UUID | None = None,
) -> RefundFact:
    """Gives back ``amount`` of the sale's price, or all that is left of it; the same ``refund_id`` once.

    Answered when it is kept: ``pending`` while the processor has not said that it is done, or cannot be
    reached, and then finished by a job. ``end_subscription`` ends at once the subscription that was paid for;
    None ends it when the whole of its latest payment is given back. ``request_id`` is granted by it.

    Raises ``SaleNotFound`` (also for a sale of somebody else, unless an operator gives), ``ChargeDisputed``,
    ``NothingToRefund``, ``RefundTooLarge``, ``InvalidRefund``, ``RefundRequestClosed``, ``ProcessorRefused``.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, RefundFact)) is not None:
            return kept
        owner = None if as_operator else actor_id
        sold = await taking.find(session, id=sale_id, creator_id=owner, lock=True)
        if (begun := await giving.read(session, refund_id)) is not None:
            return begun
        begun = await giving.begin(
            session,
            sold,
            id=refund_id,
            amount=amount,
            actor_id=actor_id,
            as_operator=as_operator,
            reason=reason,
        )
        if await _ends(session, sold, begun, end_subscription):
            await giving.ends_subscription(session, refund_id)
        if request_id is not None and actor_id is not None:
            await requests.close(session, request_id, status="granted", by=actor_id, refund_id=refund_id)
        await intents.begin(
            session,
            id=refund_id,
            kind="refund",
            subject_id=sale_id,
            idempotency_key=f"{refund_id}:1",
            request={"charge": sold.charge_id, "amount": begun.amount.amount},
        )
        await audit.record(
            session,
            actor_id=actor_id,
            action="refund.given",
            subject=sale_id,
            detail={"refund_id": str(refund_id), "amount": begun.amount.amount, "as_operator": as_operator},
        )
        # Whatever becomes of this call, the refund will be carried out: its answer may be given again.
        await keep(session, once, begun)
    try:
        given = await finish(context, refund_id=refund_id, look_first=False)
    except ProcessorUnavailable:
        async with context.database.transaction() as session:
            await defer(
                session, "finish_refund", queueing_lock=f"refund:{refund_id}", refund_id=str(refund_id)
            )
        return begun
    except Exception:
        async with context.database.transaction() as session:
            await drop(session, once)
        raise
    async with context.database.transaction() as session:
        await keep(session, once, given)
    return given


async def list_refunds(
    context: Context, *, sale_id: UUID, creator_id: UUID, before: UUID | None, limit: int
) -> list[RefundFact]:
    """The refunds of the creator's sale, newest first. Raises ``SaleNotFound``."""
    async with context.database.reading() as connection:
        await taking.find(connection, id=sale_id, creator_id=creator_id)
        return await giving.list_of(connection, [sale_id], before=before, limit=limit)


async def _ends(session: AsyncSession, sold: Sale, begun: RefundFact, wanted: bool | None) -> bool:
    if sold.subscription_id is None or wanted is False:
        return False
    if wanted:
        return True
    latest = await taking.latest_of(session, sold.subscription_id)
    return latest is not None and latest.id == sold.id and await giving.left_of(session, sold) == 0
