"""A transfer to a creator's account, as the processor has it, takes effect: posted, announced, told."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing.payouts import allocations, recording, telling
from billing.payouts.outcomes import PaidOut
from billing.processor import inbox
from billing.processor.inbox import Lane
from billing.processor.port import ProcessorObjectMissing
from billing.processor.transfers import Transfer
from service.mail.letters import write
from service.outgoing.events import announce
from service.platform.ids import new_id
from service.platform.jobs import defer
from service.usecases.context import Context

TOGETHER = timedelta(minutes=1)
"""A letter tells of all that was paid in this time: each sale is a payout of its own."""


async def settle_transfer(context: Context, *, transfer_id: str, lane: Lane | None = None) -> str:
    """Looks at the transfer with its reversals, also one made by hand, and posts what is new of it.

    Raises ``ProcessorUnavailable``, ``LaneLost``.
    """
    try:
        transfer = await context.payments.retrieve_transfer(transfer_id)
    except ProcessorObjectMissing:
        return "unknown to Stripe"
    async with context.database.transaction() as session:
        await inbox.guard(session, lane)
        await record_transfer(session, transfer)
    return "recorded"


async def record_transfer(session: AsyncSession, transfer: Transfer) -> None:
    """Writes and posts the transfer, once. What it paid too much by now is taken back by another job."""
    recorded = await recording.record(session, transfer, make_id=new_id)
    if recorded.paid is not None:
        await tell(session, recorded.paid)
    for sale_id in await allocations.overpaid(session, recorded.touched):
        await balance_soon(session, sale_id)


async def balance_soon(session: AsyncSession, sale_id: UUID) -> None:
    """Has the sale's transfers compared with what is owed for it."""
    await defer(session, "balance_sale", queueing_lock=f"balance_sale:{sale_id}", sale_id=str(sale_id))


async def tell(session: AsyncSession, paid: PaidOut) -> None:
    """Announces a payout that was just paid, and has its creator written to."""
    await announce(
        session,
        "payout.paid",
        account_id=paid.creator_id,
        object_id=paid.id,
        data={"id": paid.id, "amount": paid.amount, "reference": paid.reference, "paid_at": paid.paid_at},
    )
    now = await inbox.clock(session)
    await defer(
        session,
        "tell_payouts",
        queueing_lock=f"tell_payouts:{paid.creator_id}",
        at=now + TOGETHER,
        creator_id=str(paid.creator_id),
    )


async def tell_payouts(context: Context, *, creator_id: str) -> None:
    """Writes to the creator of every payout they have not heard of: a letter a currency."""
    async with context.database.transaction() as session:
        for told in await telling.untold(session, UUID(creator_id)):
            await write(
                session,
                "payout_sent",
                account_id=UUID(creator_id),
                key=f"payout_sent:{told.newest_id}",
                facts={
                    "amount": told.amount.amount,
                    "currency": told.amount.currency,
                    "payouts": told.payouts,
                    "paid_at": told.paid_at.isoformat(),
                },
            )
