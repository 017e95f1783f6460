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
from sqlalchemy.dialects.postgresql import ARRAY, insert
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
    await _move(session, [(account, amounts[account]) for account in accounts])
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


async def _move(session: AsyncSession, moves: Sequence[tuple[Account, int]]) -> None:
    """Opens the accounts that are new and moves every balance, in the order given: that of the ids."""
    await session.execute(
        # No target: two first postings at once meet on any of the table's unique indexes, and one that is not
        # the target would fail instead of wait.
        insert(ledger_account).on_conflict_do_nothing(),
        [
            {
                "id": account.id,
                "kind": account.kind,
                "owner_id": account.owner_id,
                "currency": account.currency,
            }
            for account, _ in moves
        ],
    )
    ids = [account.id for account, _ in moves]
    await session.execute(
        sa.select(ledger_account.c.id)
        .where(ledger_account.c.id.in_(ids))
        .order_by(ledger_account.c.id)
        .with_for_update(key_share=True)
    )
    moved = (
        sa.func.unnest(
            sa.cast(ids, ARRAY(sa.Uuid)), sa.cast([move for _, move in moves], ARRAY(sa.BigInteger))
        )
        .table_valued(sa.column("id", sa.Uuid), sa.column("amount", sa.BigInteger))
        .render_derived(name="moved")
    )
    await session.execute(
        sa.update(ledger_account)
        .where(ledger_account.c.id == moved.c.id)
        .values(balance=ledger_account.c.balance + moved.c.amount)
    )


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
