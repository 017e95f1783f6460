"""Money of a payment was given back, or was to be: its books, its grants and those concerned are told."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing.processor import customers, inbox
from billing.processor.inbox import Lane
from billing.processor.refunds import Refund
from billing.refunds import following, requests, taking
from billing.refunds.following import Written
from billing.refunds.taking import Sale
from billing.subscriptions.references import reference_from
from billing.subscriptions.sales import SaleUnknown
from service.knowledge import knowledge_bases
from service.mail import letters
from service.outgoing.events import announce
from service.platform.ids import new_id
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.grant_subscription import grant_again


async def settle_refunds(context: Context, *, charge_id: str, lane: Lane | None = None) -> str:
    """Looks at every refund of the charge and writes what it is.

    Raises ``SaleUnknown`` while a charge of ours is not recorded, ``ProcessorUnavailable``, ``LaneLost``.
    """
    said = await context.payments.list_refunds(charge_id)
    try:
        async with context.database.transaction() as session:
            await inbox.guard(session, lane)
            await write_refunds(context, session, charge_id=charge_id, said=said)
    except SaleUnknown:
        if await is_ours(context, charge_id):
            raise
        return "not ours"
    return f"refunds: {len(said)}"


async def write_refunds(
    context: Context, session: AsyncSession, *, charge_id: str, said: Sequence[Refund]
) -> None:
    """Writes refunds of one charge as the processor says they are. Raises ``SaleUnknown``."""
    sold = await taking.lock(session, charge_id=charge_id)
    for each in said:
        written = await following.write(session, sold, id=new_id(), posting_id=new_id(), said=each)
        sold = written.sale
        if written.moved:
            await money_taken(context, session, sold)
        if written.accepted and not written.failed:
            await _accepted(session, written)
        if written.failed:
            await requests.reopen(session, refund_id=written.refund.id)
            await _tell(session, "refund.failed", written)
        elif written.changed and not written.accepted:
            await _tell(session, "refund.updated", written)


async def money_taken(context: Context, session: AsyncSession, sold: Sale) -> None:
    """After a posting: what the sale opened is stated anew, and what its creators were paid is looked at."""
    await grant_again(session, sold, grace=timedelta(days=context.settings.grace_days))
    await defer(session, "balance_sale", queueing_lock=f"balance_sale:{sold.id}", sale_id=str(sold.id))


async def title_of(session: AsyncSession, sold: Sale) -> str | None:
    """Of the knowledge base that was paid for, while there is one."""
    if sold.knowledge_base_id is None:
        return None
    base = (await knowledge_bases.get_many(session, [sold.knowledge_base_id])).get(sold.knowledge_base_id)
    return None if base is None else base.title


async def is_ours(context: Context, charge_id: str) -> bool:
    """Whether this service had the charge made, recorded yet or not."""
    charge = await context.payments.retrieve_charge(charge_id)
    if charge is None:
        return False
    if reference_from(charge.metadata) is not None:
        return True
    async with context.database.transaction() as session:
        return charge.customer_id is not None and await customers.is_ours(session, charge.customer_id)


async def _accepted(session: AsyncSession, written: Written) -> None:
    given, sold = written.refund, written.sale
    if sold.whole:
        await requests.granted_by(session, sale_id=sold.id, refund_id=given.id, by=None)
    if written.ends_subscription:
        await defer(session, "end_given_back", queueing_lock=f"end:{sold.id}", sale_id=str(sold.id))
    if sold.account_id is not None:
        await letters.write(
            session,
            "refund_given",
            account_id=sold.account_id,
            key=f"refund_given:{given.id}",
            facts={
                "amount": given.amount.amount,
                "currency": given.amount.currency,
                "title": await title_of(session, sold),
                "reason": given.reason or None,
            },
        )
    await _tell(session, "refund.created", written)


async def _tell(session: AsyncSession, type: str, written: Written) -> None:
    given, sold = written.refund, written.sale
    if sold.creator_id is None:
        return
    await announce(
        session,
        type,
        account_id=sold.creator_id,
        object_id=given.id,
        data={
            "id": given.id,
            "sale_id": sold.id,
            "amount": given.amount,
            "status": given.status,
            "reason": given.reason,
            "failure_reason": given.failure_reason,
            "created_at": given.created_at,
        },
    )
