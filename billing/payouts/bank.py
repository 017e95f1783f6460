"""Payouts from a balance at the processor to a bank: the platform's own, which are posted, and creators'."""

from collections.abc import Callable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry, Source, post
from billing.payouts.tables import bank_payout, payout_account
from billing.processor.transfers import BankPayout

LOST = frozenset({"failed", "canceled"})


async def creator_at(session: AsyncSession, stripe_account_id: str) -> UUID | None:
    """Whose account it is."""
    query = sa.select(payout_account.c.account_id).where(
        payout_account.c.stripe_account_id == stripe_account_id
    )
    found: UUID | None = await session.scalar(query)
    return found


async def project(
    session: AsyncSession, found: BankPayout, *, creator_id: UUID | None, make_id: Callable[[], UUID]
) -> bool:
    """Writes what was fetched; of the platform's (no ``creator_id``), posts what left and what came back.

    Whether its status is news.
    """
    id = make_id()
    made = insert(bank_payout).values(
        id=id,
        stripe_payout_id=found.id,
        creator_id=creator_id,
        amount=found.amount.amount,
        currency=found.amount.currency,
        status=found.status,
        failure_code=found.failure_code,
        arrives_at=found.arrives_at,
        created_at=found.created_at,
    )
    row = await session.execute(
        made.on_conflict_do_update(
            index_elements=[bank_payout.c.stripe_payout_id],
            set_={
                "status": made.excluded.status,
                "failure_code": made.excluded.failure_code,
                "arrives_at": made.excluded.arrives_at,
            },
            # Failed is where it ends, even for one that was paid before.
            where=sa.and_(bank_payout.c.status != made.excluded.status, bank_payout.c.status.not_in(LOST)),
        ).returning(bank_payout.c.id)
    )
    news = row.one_or_none() is not None
    if creator_id is None:
        await _post(session, found, make_id)
    return news


async def _post(session: AsyncSession, found: BankPayout, make_id: Callable[[], UUID]) -> None:
    amount, currency = found.amount.amount, found.amount.currency
    if found.left is not None:
        entries = [
            Entry(Account("stripe_balance", currency), -amount - found.fee),
            Entry(Account("processor_fees", currency), found.fee),
            Entry(Account("bank", currency), amount),
        ]
        source = Source("payout", found.id, "sent")
        await post(session, id=make_id(), source=source, entries=entries, effective_at=found.left)
    if found.returned is not None:
        entries = [
            Entry(Account("stripe_balance", currency), found.returned_amount),
            Entry(Account("processor_fees", currency), amount - found.returned_amount),
            Entry(Account("bank", currency), -amount),
        ]
        source = Source("payout", found.id, "returned")
        await post(session, id=make_id(), source=source, entries=entries, effective_at=found.returned)
