"""The processor's balance beside the ledger's: read line by line, compared source by source.

Each of the processor's lines is read once and kept. A line is matched when the ledger's movements of its
source, all together, are the processor's. Totals run along, so that comparing costs what is new, not what is
old: the difference of two sums must be what is still open, source by source.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.processor.balance import BalanceLine
from billing.reconciliation.tables import balance_total, balance_transaction

Reader = AsyncSession | AsyncConnection

FEES = ("stripe_fee", "stripe_fx_fee", "tax_fee", "network_cost", "payout_minimum_balance_hold_fee")
"""Types of lines that are of no sale: the platform's own cost."""


@dataclass(frozen=True)
class Fee:
    """A line of the processor's that takes a fee of its own."""

    id: str
    currency: str
    net: int
    created_at: datetime


@dataclass(frozen=True)
class CurrencyTotal:
    """Minor units. ``difference`` = ``ledger`` − ``processor``; ``open`` is what of it is merely on its way.

    The books agree when both are the same.
    """

    currency: str
    ledger: int
    processor: int
    difference: int
    open: int


@dataclass(frozen=True)
class Mismatch:
    """One source that moved the balance otherwise at the processor than in the ledger."""

    source_id: str
    currency: str
    processor: int
    ledger: int
    since: datetime


async def keep(session: AsyncSession, lines: Sequence[BalanceLine]) -> int:
    """Keeps what is new of these lines; how many that were."""
    if not lines:
        return 0
    rows = await session.execute(
        insert(balance_transaction)
        .on_conflict_do_nothing(index_elements=[balance_transaction.c.id])
        .returning(balance_transaction.c.currency, balance_transaction.c.net),
        [
            {
                "id": line.id,
                "type": line.type,
                "source_id": line.source_id or line.id,
                "currency": line.currency,
                "amount": line.amount,
                "fee": line.fee,
                "net": line.net,
                "created_at": line.created_at,
            }
            for line in lines
        ],
    )
    sums: dict[str, list[int]] = {}
    for currency, net in rows:
        sums.setdefault(currency, []).append(net)
    for currency in sorted(sums):
        made = insert(balance_total).values(
            currency=currency, net=sum(sums[currency]), lines=len(sums[currency])
        )
        await session.execute(
            made.on_conflict_do_update(
                index_elements=[balance_total.c.currency],
                set_={
                    "net": balance_total.c.net + made.excluded.net,
                    "lines": balance_total.c.lines + made.excluded.lines,
                },
            )
        )
    return sum(map(len, sums.values()))


async def fees_to_post(session: Reader) -> list[Fee]:
    """Fees of no sale that no ledger line names yet."""
    query = sa.select(balance_transaction).where(
        balance_transaction.c.matched_at.is_(None), balance_transaction.c.type.in_(FEES)
    )
    return [Fee(row.id, row.currency, row.net, row.created_at) for row in await session.execute(query)]


_OPEN = """
  sources AS (
    SELECT DISTINCT source_id FROM balance_transaction WHERE matched_at IS NULL
    UNION
    SELECT source_id FROM ledger_transaction WHERE posted_at >= CAST(:fresh AS timestamptz)
  ), theirs AS (
    SELECT source_id, currency, sum(net) AS net, min(read_at) FILTER (WHERE matched_at IS NULL) AS since
    FROM balance_transaction JOIN sources USING (source_id) GROUP BY source_id, currency
  ), ours AS (
    SELECT posted.source_id, entry.currency, sum(entry.amount) AS amount, min(posted.posted_at) AS since
    FROM sources JOIN ledger_transaction AS posted USING (source_id)
    JOIN ledger_entry AS entry ON entry.transaction_id = posted.id
    JOIN ledger_account AS held ON held.id = entry.account_id AND held.kind = 'stripe_balance'
    GROUP BY posted.source_id, entry.currency
  ), compared AS (
    SELECT source_id, currency, coalesce(net, 0)::bigint AS processor, coalesce(amount, 0)::bigint AS ledger,
           coalesce(theirs.since, ours.since) AS since, theirs.since IS NOT NULL AS waits
    FROM theirs FULL JOIN ours USING (source_id, currency)
  )
"""
"""Every source with a line that is not matched, or with a posting since ``:fresh``, on both sides."""

_MATCH = sa.text(
    f"""
    WITH {_OPEN}
    UPDATE balance_transaction AS line SET matched_at = now() FROM compared
    WHERE line.source_id = compared.source_id AND line.currency = compared.currency
      AND line.matched_at IS NULL AND processor = ledger
    """  # noqa: S608 - the constant above
)

_TOTALS = sa.text(
    f"""
    WITH {_OPEN}, held AS (
      SELECT currency, sum(balance)::bigint AS balance FROM ledger_account
      WHERE kind = 'stripe_balance' GROUP BY currency
    ), waiting AS (
      SELECT currency, sum(ledger - processor)::bigint AS amount FROM compared GROUP BY currency
    )
    SELECT currency, coalesce(balance, 0) AS ledger, coalesce(net, 0) AS processor,
           coalesce(amount, 0) AS waiting
    FROM held FULL JOIN balance_total USING (currency) LEFT JOIN waiting USING (currency)
    ORDER BY currency
    """  # noqa: S608 - the constant above
)

_NOT_IN_LEDGER = sa.text(
    f"""
    WITH {_OPEN}
    SELECT source_id, currency, processor, ledger, since FROM compared
    WHERE waits AND processor <> ledger ORDER BY since, source_id LIMIT :limit
    """  # noqa: S608 - the constant above
)

_NOT_AT_PROCESSOR = sa.text(
    """
    SELECT posted.source_id, entry.currency, 0::bigint AS processor, sum(entry.amount)::bigint AS ledger,
           min(posted.posted_at) AS since
    FROM ledger_account AS held
    JOIN ledger_entry AS entry ON entry.account_id = held.id
    JOIN ledger_transaction AS posted ON posted.id = entry.transaction_id
    WHERE held.kind = 'stripe_balance' AND posted.posted_at < CAST(:fresh AS timestamptz)
      AND NOT EXISTS (SELECT FROM balance_transaction WHERE source_id = posted.source_id)
    GROUP BY posted.source_id, entry.currency ORDER BY since LIMIT :limit
    """
)


async def match(session: AsyncSession, *, fresh: datetime) -> None:
    """Marks the lines whose source moved the ledger by the same."""
    await session.execute(_MATCH, {"fresh": fresh})


async def totals(session: Reader, *, fresh: datetime) -> list[CurrencyTotal]:
    """Both sums by currency; postings since ``fresh`` may not have been read at the processor yet."""
    rows = await session.execute(_TOTALS, {"fresh": fresh})
    return [
        CurrencyTotal(row.currency, row.ledger, row.processor, row.ledger - row.processor, row.waiting)
        for row in rows
    ]


async def not_in_ledger(session: Reader, *, fresh: datetime, limit: int) -> list[Mismatch]:
    """What moved the processor's balance and not, or otherwise, the ledger; oldest first."""
    rows = await session.execute(_NOT_IN_LEDGER, {"fresh": fresh, "limit": limit})
    return [Mismatch(**row._mapping) for row in rows]


async def not_at_processor(session: Reader, *, fresh: datetime, limit: int) -> list[Mismatch]:
    """What the ledger posted before ``fresh`` and the processor has nothing of. Reads all of history."""
    rows = await session.execute(_NOT_AT_PROCESSOR, {"fresh": fresh, "limit": limit})
    return [Mismatch(**row._mapping) for row in rows]


_OVERDUE = sa.text(
    "SELECT EXISTS (SELECT FROM balance_transaction WHERE matched_at IS NULL AND read_at < now() - :pending)"
)


async def overdue(session: Reader, *, pending: timedelta) -> bool:
    """Whether a line of the processor's has been waiting for the ledger for that long."""
    return bool((await session.execute(_OVERDUE, {"pending": pending})).scalar_one())
