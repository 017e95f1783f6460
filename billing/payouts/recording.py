"""Transfers as the processor has them, written and posted: ours by their metadata, and any made by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry, Source, post
from billing.payouts import allocations, outcomes
from billing.payouts.outcomes import PaidOut, paid_entries, transfer_source
from billing.payouts.tables import payout, payout_account, payout_line, payout_reversal
from billing.processor.transfers import Transfer, TransferReversal


@dataclass(frozen=True)
class Recorded:
    """``paid`` is the payout that this settled, ``touched`` the sales whose balance is to be looked at."""

    paid: PaidOut | None
    touched: frozenset[UUID]


async def record(session: AsyncSession, transfer: Transfer, *, make_id: Callable[[], UUID]) -> Recorded:
    """Writes and posts a transfer with the reversals it came with; again, it changes nothing."""
    paid = None
    if not await _known(session, transfer):
        payout_id = _own_id(transfer, "payout_id")
        if payout_id is not None:
            paid = await outcomes.paid(
                session, payout_id, posting_id=make_id(), reference=transfer.id, at=transfer.created_at
            )
        # Whoever recorded it meanwhile held the payout until it was.
        if paid is None and not await _known(session, transfer):
            paid = await _made_by_hand(session, transfer, make_id=make_id)
    for reversal in transfer.reversals:
        await record_reversal(session, reversal, make_id=make_id)
    return Recorded(paid, frozenset(await _sales_of(session, transfer)))


async def record_reversal(
    session: AsyncSession, reversal: TransferReversal, *, make_id: Callable[[], UUID]
) -> None:
    """Writes and posts a reversal, once, of a transfer that is recorded."""
    of = (
        await session.execute(
            sa.select(payout).where(payout.c.reference == reversal.transfer_id).with_for_update()
        )
    ).one_or_none()
    if of is None:
        await _suspend(session, reversal, -reversal.amount.amount, make_id())
        return
    known = sa.select(payout_reversal.c.id).where(payout_reversal.c.stripe_reversal_id == reversal.id)
    if await session.scalar(known) is not None:
        return
    amount = reversal.amount.amount
    if not await _answered(session, reversal):
        await session.execute(
            sa.insert(payout_reversal).values(
                id=make_id(),
                payout_id=of.id,
                sale_id=of.sale_id,
                amount=amount,
                status="done",
                reason="made by hand",
                stripe_reversal_id=reversal.id,
                reversed_at=reversal.created_at,
            )
        )
        if of.sale_id is not None:
            await allocations.move(session, [(of.sale_id, -amount)])
    if of.sale_id is not None and of.source_charge_id is not None:
        await allocations.move(session, [(of.sale_id, 0)], drawn=[-amount])
    await session.execute(
        sa.update(payout).where(payout.c.id == of.id).values(reversed=payout.c.reversed + amount)
    )
    await post(
        session,
        id=make_id(),
        source=_reversal_source(reversal.id),
        entries=paid_entries(of.creator_id, of.currency, -amount),
        effective_at=reversal.created_at,
        sale_id=of.sale_id,
    )


async def _answered(session: AsyncSession, reversal: TransferReversal) -> bool:
    """Settles the reversal that we asked for, if this is one."""
    reversal_id = _own_id(reversal, "reversal_id")
    if reversal_id is None:
        return False
    query = sa.select(payout_reversal).where(
        payout_reversal.c.id == reversal_id, payout_reversal.c.status != "done"
    )
    row = (await session.execute(query.with_for_update())).one_or_none()
    if row is None:
        return False
    if row.status == "refused" and row.sale_id is not None:
        await allocations.move(session, [(row.sale_id, -row.amount)])
    await session.execute(
        sa.update(payout_reversal)
        .where(payout_reversal.c.id == reversal_id)
        .values(status="done", reason=None, stripe_reversal_id=reversal.id, reversed_at=reversal.created_at)
    )
    return True


async def _known(session: AsyncSession, transfer: Transfer) -> bool:
    query = sa.select(payout.c.id).where(payout.c.reference == transfer.id, payout.c.status == "paid")
    return await session.scalar(query) is not None


async def _made_by_hand(
    session: AsyncSession, transfer: Transfer, *, make_id: Callable[[], UUID]
) -> PaidOut | None:
    """A transfer nobody here asked for. It counts as paid to whoever has the account it went to."""
    creator_id = await _creator_at(session, transfer.destination)
    if creator_id is None:
        await _suspend(session, transfer, transfer.amount.amount, make_id())
        return None
    sale_id = None
    if transfer.source_charge_id is not None:
        sale_id = await allocations.at_charge(session, transfer.source_charge_id, creator_id)
    payout_id, amount = make_id(), transfer.amount
    await session.execute(
        sa.insert(payout).values(
            id=payout_id,
            creator_id=creator_id,
            kind="external",
            method="transfer",
            amount=amount.amount,
            currency=amount.currency,
            sale_id=sale_id,
            status="sending",
            destination=transfer.destination,
            source_charge_id=transfer.source_charge_id if sale_id else None,
            begun_at=transfer.created_at,
        )
    )
    await session.execute(
        sa.insert(payout_line).values(payout_id=payout_id, position=0, sale_id=sale_id, amount=amount.amount)
    )
    if sale_id is not None:
        await allocations.move(
            session, [(sale_id, amount.amount)], drawn=[amount.amount if transfer.source_charge_id else 0]
        )
    return await outcomes.paid(
        session, payout_id, posting_id=make_id(), reference=transfer.id, at=transfer.created_at
    )


async def _suspend(
    session: AsyncSession, moved: Transfer | TransferReversal, amount: int, posting_id: UUID
) -> None:
    """Posts what went to nobody known here: the balance is right, and somebody has to look."""
    currency = moved.amount.currency
    source = transfer_source(moved.id) if isinstance(moved, Transfer) else _reversal_source(moved.id)
    entries = [
        Entry(Account("stripe_balance", currency), -amount),
        Entry(Account("suspense", currency), amount),
    ]
    await post(session, id=posting_id, source=source, entries=entries, effective_at=moved.created_at)


async def _creator_at(session: AsyncSession, destination: str) -> UUID | None:
    query = sa.select(payout_account.c.account_id).where(payout_account.c.stripe_account_id == destination)
    found: UUID | None = await session.scalar(query)
    if found is None:
        # An account they have since left.
        earlier = sa.select(payout.c.creator_id).where(payout.c.destination == destination).limit(1)
        found = await session.scalar(earlier)
    return found


async def _sales_of(session: AsyncSession, transfer: Transfer) -> list[UUID]:
    query = (
        sa.select(payout_line.c.sale_id)
        .join(payout, payout.c.id == payout_line.c.payout_id)
        .where(payout.c.reference == transfer.id, payout_line.c.sale_id.is_not(None))
    )
    return list((await session.execute(query)).scalars())


def _reversal_source(reversal_id: str) -> Source:
    return Source("transfer_reversal", reversal_id, "reversed")


def _own_id(found: Transfer | TransferReversal, name: str) -> UUID | None:
    try:
        return UUID(found.metadata.get(name, ""))
    except ValueError:
        return None
