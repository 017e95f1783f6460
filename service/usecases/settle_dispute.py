"""A buyer's bank disputes a payment: its sale is frozen, its money follows, those concerned are told."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.refunds import disputes, taking
from billing.refunds.disputes import DisputeFact, Written
from billing.refunds.taking import Sale
from billing.subscriptions.sales import SaleUnknown
from service.accounts import audit
from service.mail import letters
from service.outgoing.events import announce
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, keep
from service.platform.ids import new_id
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.grant_subscription import grant_again
from service.usecases.settle_refunds import is_ours, title_of


async def settle_dispute(context: Context, *, dispute_id: str, lane: Lane | None = None) -> str:
    """Looks at the dispute and writes what it is.

    Raises ``SaleUnknown`` while a charge of ours is not recorded, ``ProcessorUnavailable``, ``LaneLost``.
    """
    said = await context.payments.retrieve_dispute(dispute_id)
    try:
        async with context.database.transaction() as session:
            await inbox.guard(session, lane)
            sold = await taking.lock(session, charge_id=said.charge_id)
            written = await disputes.write(
                session, sold, id=new_id(), posting_ids=(new_id(), new_id()), said=said
            )
            await _follow(context, session, written)
    except SaleUnknown:
        if await is_ours(context, said.charge_id):
            raise
        return "not ours"
    return said.status


async def judge_dispute(
    context: Context, *, id: UUID, operator_id: UUID, creator_at_fault: bool | None, once: Once | None
) -> DisputeFact:
    """An operator says whose fault it was, which decides who bears the fee of a dispute that is lost; None
    leaves it to the reason. Raises ``DisputeNotFound``."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, DisputeFact)) is not None:
            return kept
        await disputes.find(session, id=id, lock=True)
        await disputes.judge(session, id, creator_at_fault=creator_at_fault)
        await _charge_fee(context, session, id)
        await audit.record(
            session,
            actor_id=operator_id,
            action="dispute.judged",
            subject=id,
            detail={"creator_at_fault": creator_at_fault},
        )
        judged = await disputes.find(session, id=id)
        await keep(session, once, judged)
        return judged


async def _follow(context: Context, session: AsyncSession, written: Written) -> None:
    dispute, sold = written.dispute, written.sale
    if sold.creator_id is not None:
        # A metered invoice is of many creators: it is not paid out charge by charge, nor frozen.
        await taking.freeze(session, sold, since=await disputes.open_since(session, sold.id))
    await grant_again(session, sold, grace=timedelta(days=context.settings.grace_days))
    await _charge_fee(context, session, dispute.id)
    await defer(session, "balance_sale", queueing_lock=f"balance_sale:{sold.id}", sale_id=str(sold.id))
    if dispute.status == "lost" and sold.subscription_id is not None and await _of_now(session, sold):
        await defer(session, "end_given_back", queueing_lock=f"end:{sold.id}", sale_id=str(sold.id))
    if written.opened:
        await _tell(session, "dispute.created", dispute, sold)
        if sold.creator_id is not None:
            await letters.write(
                session,
                "dispute_opened",
                account_id=sold.creator_id,
                key=f"dispute_opened:{dispute.id}",
                facts={
                    "amount": dispute.amount.amount,
                    "currency": dispute.amount.currency,
                    "title": await title_of(session, sold),
                    "reason": dispute.reason,
                    "answer_by": dispute.evidence_due_by.isoformat() if dispute.evidence_due_by else None,
                },
            )
    elif written.changed and not written.closed:
        await _tell(session, "dispute.updated", dispute, sold)
    if written.closed:
        await _tell(session, "dispute.closed", dispute, sold)


async def _charge_fee(context: Context, session: AsyncSession, id: UUID) -> None:
    moved = await disputes.charge_fee(
        session,
        id,
        posting_id=new_id(),
        at=await zhihao_now(session),
        fault_reasons=context.settings.creator_fault_reasons,
    )
    if moved:
        sale_id = (await disputes.find(session, id=id)).sale_id
        await defer(session, "balance_sale", queueing_lock=f"balance_sale:{sale_id}", sale_id=str(sale_id))


async def _of_now(session: AsyncSession, sold: Sale) -> bool:
    """Whether it was the subscription's latest payment: an earlier one was followed by one that stands."""
    assert sold.subscription_id is not None, "asked of subscriptions only"
    latest = await taking.latest_of(session, sold.subscription_id)
    return latest is not None and latest.id == sold.id


async def _tell(session: AsyncSession, type: str, dispute: DisputeFact, sold: Sale) -> None:
    if sold.creator_id is None:
        return
    data = {
        "id": dispute.id,
        "sale_id": sold.id,
        "status": dispute.status,
        "reason": dispute.reason,
        "amount": dispute.amount,
        "evidence_due_by": dispute.evidence_due_by,
        "opened_at": dispute.opened_at,
        "closed_at": dispute.closed_at,
    }
    await announce(session, type, account_id=sold.creator_id, object_id=dispute.id, data=data)
