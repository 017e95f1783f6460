"""Posting: the one way into the ledger.

A posting is what happened once, named by its source. Its entries sum to zero; they and the balances of their
accounts are written together, accounts in the order of their ids, so that two postings never wait for each
other in a circle. Nothing is ever changed afterwards: ``reverse`` posts the opposite.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.ledger.accounts import Account
from billing.ledger.tables import ledger_account, ledger_entry, ledger_transaction


class Unbalanced(Exception):
    """The entries of a posting do not sum to zero: a fault of ours, refused before the database would."""


@dataclass(frozen=True)
class Entry:
    """``amount`` minor units of the account's currency: a debit above zero, a credit below."""

    account: Account
    amount: int


@dataclass(frozen=True)
class Source:
    """What a posting is of: it is posted once for each (type, id, leg)."""

    type: str
    id: str
    leg: str


async def post(
    session: AsyncSession,
    *,
    id: UUID,
    source: Source,
    entries: Sequence[Entry],
    effective_at: datetime,
    sale_id: UUID | None = None,
    reverses_id: UUID | None = None,
) -> bool:
    """Posts ``entries`` as transaction ``id``; False when this source was posted before, or moves nothing.

    Entries of one account are summed and empty ones left out. Raises ``Unbalanced``.
    """
    amounts = balanced(entries)
    if not amounts:
        return False
    posted = await session.execute(
        insert(ledger_transaction)
        .values(
            id=id,
            source_type=source.type,
            source_id=source.id,
            leg=source.leg,
            sale_id=sale_id,
            reverses_id=reverses_id,
            effective_at=effective_at,
        )
        .on_conflict_do_nothing(constraint="ledger_transaction_source_unique")
        .returning(ledger_transaction.c.id)
    )
    if posted.one_or_none() is None:
        return False
    accounts = sorted(amounts, key=lambda account: account.id)
    for account in accounts:
        opened = insert(ledger_account).values(
            id=account.id,
            kind=account.kind,
            owner_id=account.owner_id,
            currency=account.currency,
            balance=amounts[account],
        )
        await session.execute(
            opened.on_conflict_do_update(
                index_elements=[ledger_account.c.id],
                set_={"balance": ledger_account.c.balance + opened.excluded.balance},
            )
        )
    await session.execute(
        sa.insert(ledger_entry),
        [
            {
                "transaction_id": id,
                "position": position,
                "account_id": account.id,
                "amount": amounts[account],
                "currency": account.currency,
                "effective_at": effective_at,
            }
            for position, account in enumerate(accounts)
        ],
    )
    return True


def balanced(entries: Sequence[Entry]) -> dict[Account, int]:
    """The movement of each account that moves. Raises ``Unbalanced`` unless they sum to zero per currency."""
    amounts: defaultdict[Account, int] = defaultdict(int)
    sums: defaultdict[str, int] = defaultdict(int)
    for entry in entries:
        amounts[entry.account] += entry.amount
        sums[entry.account.currency] += entry.amount
    if any(sums.values()):
        raise Unbalanced(f"a posting is off by {dict(sums)}")
    return {account: amount for account, amount in amounts.items() if amount}
