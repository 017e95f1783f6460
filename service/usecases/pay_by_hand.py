"""Operators pay what no transfer reaches: they take a batch, pay it at a bank, and mark it paid."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.money import Money
from billing.payouts import blocks, manual
from billing.payouts.blocks import Block as Block
from billing.payouts.manual import Batch as Batch
from billing.payouts.manual import Item
from service.accounts import audit, people
from service.accounts.people import AccountNotFound
from service.platform.database import zhihao_now
from service.platform.idempotency import Once, claim, keep
from service.platform.ids import new_id
from service.platform.sealing import SealBroken, unseal
from service.usecases.context import Context
from service.usecases.open_payout_account import details_key
from service.usecases.record_transfer import tell


@dataclass(frozen=True)
class BatchItem:
    """One payment to make. ``details`` is where to, as the creator wrote it; null when it cannot be read."""

    payout_id: UUID
    creator_id: UUID
    name: str | None
    email: str | None
    country: str | None
    details: str | None
    amount: Money
    status: str


@dataclass(frozen=True)
class BatchWithItems:
    """A batch, and every payment of it."""

    batch: Batch
    items: list[BatchItem]


async def make_batch(context: Context, *, id: UUID, operator_id: UUID, once: Once | None) -> Batch:
    """Takes all that is open into a batch that changes no more. Raises ``NothingToPay``."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, Batch)) is not None:
            return kept
        made = await manual.make_batch(session, id=id, created_by=operator_id)
        await audit.record(
            session,
            actor_id=operator_id,
            action="payouts.batched",
            subject=id,
            detail={"payouts": made.payouts},
        )
        await keep(session, once, made)
        return made


async def list_batches(context: Context, *, before: UUID | None, limit: int) -> list[Batch]:
    """Newest first."""
    async with context.database.reading() as connection:
        return await manual.list_batches(connection, before=before, limit=limit)


async def read_batch(context: Context, *, batch_id: UUID, operator_id: UUID) -> BatchWithItems:
    """With where each payment goes, which is why reading it is in the audit log. Raises ``BatchNotFound``."""
    async with context.database.transaction() as session:
        batch = await manual.find_batch(session, batch_id)
        items = await manual.items_of(session, batch_id)
        await audit.record(session, actor_id=operator_id, action="payouts.read", subject=batch_id)
    async with context.database.reading() as connection:
        return BatchWithItems(batch, [await _item(context, connection, item) for item in items])


async def mark_paid(
    context: Context, *, batch_id: UUID, reference: str, operator_id: UUID, once: Once | None
) -> Batch:
    """Posts the batch's payouts, and tells their creators. Raises ``BatchNotFound`` and ``BatchPaid``."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, Batch)) is not None:
            return kept
        now = await zhihao_now(session)
        paid = await manual.mark_paid(session, batch_id, reference=reference, at=now, make_id=new_id)
        for each in paid:
            await tell(session, each)
        await audit.record(
            session,
            actor_id=operator_id,
            action="payouts.paid",
            subject=batch_id,
            detail={"payouts": len(paid)},
        )
        batch = await manual.find_batch(session, batch_id)
        await keep(session, once, batch)
        return batch


async def cancel_payout(
    context: Context, *, payout_id: UUID, reason: str, operator_id: UUID, once: Once | None
) -> None:
    """The bank could not pay it: it is due again. Raises ``PayoutNotOpen``."""
    async with context.database.transaction() as session:
        if await claim(session, once, bool):
            return
        await manual.cancel(session, payout_id, reason=reason)
        await audit.record(session, actor_id=operator_id, action="payout.canceled", subject=payout_id)
        await keep(session, once, True)


async def list_blocks(context: Context) -> list[Block]:
    """What holds all transfers up, oldest first."""
    async with context.database.reading() as connection:
        return await blocks.blocks(connection)


async def _item(context: Context, connection: AsyncConnection, item: Item) -> BatchItem:
    details = None
    if item.details is not None:
        try:
            details = unseal(
                details_key(context.settings), item.details, bound=item.creator_id.bytes
            ).decode()
        except SealBroken:
            details = None
    name = email = None
    try:
        person = await people.read(connection, item.creator_id)
        name, email = person.display_name, person.email
    except AccountNotFound:
        pass
    return BatchItem(
        item.payout_id, item.creator_id, name, email, item.country, details, item.amount, item.status
    )
