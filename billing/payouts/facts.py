"""What is owed to creators now, by currency and charge: what a payout run's plan is made from.

All of it is read by one statement for a batch of creators, so that it is of one moment: the ledger's
balances, what is on its way, and every open allocation with what the ledger says of it.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.payouts.netting import Due
from billing.payouts.reach import Method


@dataclass(frozen=True)
class Terms:
    """``clock`` is the machine's, by which the processor forgets keys; ``now`` may be the sandbox's.

    ``ripe_before``: what was earned later waits. ``month``: its netted payments are made now; None: they
    are not. ``least`` minor units, by currency, are the least of a netted payment."""

    now: datetime
    clock: datetime
    ripe_before: datetime
    month: date | None
    least: Callable[[str], int]


@dataclass(frozen=True)
class OpenSale:
    """An open allocation as the ledger has it. ``drawn`` of ``charged`` was transferred from its charge."""

    sale_id: UUID
    charge_id: str
    due: int
    ripe: bool
    frozen: bool
    earned_at: datetime
    drawn: int
    charged: int


@dataclass(frozen=True)
class Facts:
    """Of one creator in one currency. ``able``: they can be paid at all, now. ``available``: what the ledger
    owes, less what is being paid; ``unripe`` of it is of no charge and was earned too lately."""

    creator_id: UUID
    currency: str
    able: bool
    method: Method
    destination: str | None
    available: int
    unripe: int
    netted: bool
    open: tuple[OpenSale, ...] = field(default=())

    @property
    def dues(self) -> list[Due]:
        return [Due(one.sale_id, one.due, one.ripe and not one.frozen) for one in self.open]

    @property
    def loose(self) -> int:
        """What is of no charge; below zero a debt."""
        return self.available - sum(one.due for one in self.open)


async def creators_due(session: AsyncSession, terms: Terms, *, after: UUID | None, limit: int) -> list[UUID]:
    """The next creators who can be paid and may have something due, in the order of their ids."""
    rows = await session.execute(
        _CREATORS,
        {
            "after": after or UUID(int=0),
            "limit": limit,
            "ripe_before": terms.ripe_before,
            "month": terms.month,
        },
    )
    return [row.account_id for row in rows]


async def facts_of(
    session: AsyncSession | AsyncConnection, creator_ids: Sequence[UUID], terms: Terms
) -> list[Facts]:
    """What is owed to each of the creators and on its way, by currency, at one moment."""
    rows = (
        await session.execute(
            _FACTS, {"ids": list(creator_ids), "ripe_before": terms.ripe_before, "month": terms.month}
        )
    ).all()
    open_of: defaultdict[tuple[UUID, str], list[OpenSale]] = defaultdict(list)
    for row in rows:
        if row.sale_id is not None and row.due:
            open_of[row.creator_id, row.currency].append(
                OpenSale(
                    sale_id=row.sale_id,
                    charge_id=row.charge_id,
                    due=int(row.due),
                    ripe=row.ripe,
                    frozen=row.frozen,
                    earned_at=row.earned_at,
                    drawn=row.drawn,
                    charged=row.charged,
                )
            )
    return [
        Facts(
            creator_id=row.creator_id,
            currency=row.currency,
            able=row.able,
            method=row.method,
            destination=row.destination,
            available=int(row.available),
            unripe=int(row.unripe),
            netted=row.netted,
            open=tuple(open_of[row.creator_id, row.currency]),
        )
        for row in rows
        if row.sale_id is None
    ]


_ABLE = """
    frozen_at IS NULL AND CASE method
      WHEN 'transfer' THEN status = 'enabled' AND stripe_account_id IS NOT NULL ELSE details IS NOT NULL END
"""

_CREATORS = sa.text(
    f"""
    SELECT account_id FROM payout_account WHERE account_id > :after AND {_ABLE} AND (
      method = 'transfer' AND EXISTS (
        SELECT FROM allocation
        WHERE creator_id = account_id AND net <> paid AND net > paid AND earned_at <= :ripe_before
      )
      OR CAST(:month AS date) IS NOT NULL AND EXISTS (
        SELECT FROM ledger_account AS held WHERE owner_id = account_id AND NOT EXISTS (
          SELECT FROM payout WHERE creator_id = account_id AND payout.currency = held.currency
            AND month = :month AND payout.status <> 'canceled'
        )
        GROUP BY currency HAVING sum(balance) < 0
      )
    )
    ORDER BY account_id LIMIT :limit
    """  # noqa: S608 -- of constants
)

_FACTS = sa.text(
    f"""
    WITH who AS (
      SELECT account_id AS creator_id, method, stripe_account_id AS destination, {_ABLE} AS able
      FROM payout_account WHERE account_id = ANY(:ids)
    ), owed AS (
      SELECT owner_id AS creator_id, currency, -sum(balance) AS payable FROM ledger_account
      WHERE owner_id = ANY(:ids)
        AND kind IN ('creator_earned', 'creator_fees', 'creator_refunded', 'creator_paid')
      GROUP BY 1, 2
    ), moving AS (
      SELECT creator_id, currency, sum(amount) AS amount FROM (
        SELECT creator_id, currency, amount FROM payout
        WHERE creator_id = ANY(:ids) AND status IN ('sending', 'waiting', 'open')
        UNION ALL
        SELECT creator_id, currency, -back.amount FROM payout_reversal AS back
        JOIN payout ON payout.id = payout_id
        WHERE back.status = 'sending' AND creator_id = ANY(:ids)
      ) AS on_its_way GROUP BY 1, 2
    ), late AS (
      SELECT owner_id AS creator_id, entry.currency, -sum(entry.amount) AS amount
      FROM ledger_account AS held
      JOIN ledger_entry AS entry ON entry.account_id = held.id AND entry.effective_at > :ripe_before
      JOIN ledger_transaction AS posted ON posted.id = entry.transaction_id
      WHERE owner_id = ANY(:ids) AND kind IN ('creator_earned', 'creator_fees')
        AND NOT EXISTS (SELECT FROM allocation WHERE sale_id = posted.sale_id)
      GROUP BY 1, 2
    ), unsettled AS MATERIALIZED (
      SELECT allocation.*, sale.frozen_at IS NOT NULL AS frozen
      FROM allocation JOIN sale ON sale.id = sale_id
      WHERE allocation.creator_id = ANY(:ids) AND net <> paid
    ), fresh AS (
      SELECT unsettled.sale_id, -sum(entry.amount) AS net FROM unsettled
      JOIN ledger_transaction AS posted ON posted.sale_id = unsettled.sale_id
      JOIN ledger_entry AS entry ON entry.transaction_id = posted.id
      JOIN ledger_account AS held ON held.id = entry.account_id
        AND held.owner_id = unsettled.creator_id AND held.currency = unsettled.currency
        AND held.kind IN ('creator_earned', 'creator_fees', 'creator_refunded')
      GROUP BY 1
    )
    SELECT creator_id, currency, able, method, destination,
      payable - coalesce(moving.amount, 0) AS available, greatest(coalesce(late.amount, 0), 0) AS unripe,
      EXISTS (
        SELECT FROM payout WHERE payout.creator_id = who.creator_id AND payout.currency = owed.currency
          AND month = CAST(:month AS date) AND payout.status <> 'canceled'
      ) AS netted,
      CAST(NULL AS uuid) AS sale_id, NULL AS charge_id, 0 AS due, false AS ripe, false AS frozen,
      CAST(NULL AS timestamptz) AS earned_at, 0 AS drawn, 0 AS charged
    FROM who JOIN owed USING (creator_id) LEFT JOIN moving USING (creator_id, currency)
      LEFT JOIN late USING (creator_id, currency)
    UNION ALL
    SELECT creator_id, currency, false, '', '', 0, 0, false, sale_id, stripe_charge_id,
      coalesce(fresh.net, 0) - paid, earned_at <= :ripe_before, frozen, earned_at, drawn, charged
    FROM unsettled LEFT JOIN fresh USING (sale_id)
    ORDER BY earned_at, creator_id, currency, sale_id
    """  # noqa: S608 -- of constants
)
