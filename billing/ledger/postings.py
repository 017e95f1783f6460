"""What was posted, read back: the split of a payment is its posting, whoever made it and by which rule."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry, Source
from billing.ledger.tables import ledger_account, ledger_entry, ledger_transaction


async def entries_of(session: AsyncSession | AsyncConnection, source: Source) -> list[Entry]:
    """The entries that were posted of the source, none when nothing was."""
    query = (
        sa.select(
            ledger_account.c.kind, ledger_account.c.owner_id, ledger_account.c.currency, ledger_entry.c.amount
        )
        .join(ledger_entry, ledger_entry.c.account_id == ledger_account.c.id)
        .join(ledger_transaction, ledger_transaction.c.id == ledger_entry.c.transaction_id)
        .where(
            ledger_transaction.c.source_type == source.type,
            ledger_transaction.c.source_id == source.id,
            ledger_transaction.c.leg == source.leg,
        )
        .order_by(ledger_entry.c.position)
    )
    return [
        Entry(Account(row.kind, row.currency, row.owner_id), row.amount)
        for row in await session.execute(query)
    ]
