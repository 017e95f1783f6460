"""Grants computed from nothing: what each source says, in one statement, for one reader or for everybody.

A subscription grants its period, a sold pass its days, a creator's word what was said. Passes follow each
other: one begins when the one before it ends, and at once when that was given back, whatever the order in
which we heard of them. Nothing here depends on what the grants are now, nor on the time.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.entitlements.grants import Period, Source

Reader = AsyncSession | AsyncConnection


@dataclass(frozen=True)
class DerivedGrant:
    """The grant that a source gives rise to. ``period.revoked_at`` None: it was not taken back."""

    account_id: UUID
    knowledge_base_id: UUID
    source: Source
    source_id: UUID
    reason: str
    period: Period


@dataclass(frozen=True)
class GrantFault:
    """A grant that is not what its source says. ``derived`` None: its source gives rise to none."""

    source: Source
    source_id: UUID
    what: str
    derived: DerivedGrant | None


_SUBSCRIPTIONS = """
  SELECT account_id, knowledge_base_id, 'subscription' AS source, s.id AS source_id,
         'subscription ' || status AS reason, started_at AS starts_at,
         CASE WHEN status IN ('active', 'trialing') THEN
                current_period_end + CASE WHEN cancel_at_period_end THEN interval '0' ELSE :grace END
              WHEN status = 'past_due' THEN past_due_since + :grace
              ELSE coalesce(ended_at, past_due_since) END AS ends_at,
         CASE WHEN status IN ('unpaid', 'paused', 'canceled', 'incomplete_expired') THEN
                coalesce(ended_at, past_due_since, updated_at)
              WHEN withheld.since IS NOT NULL THEN withheld.since END AS revoked_at
  FROM subscription AS s LEFT JOIN LATERAL (
    -- A bank took back what was paid for the current period.
    SELECT max(posted.effective_at) AS since
    FROM sale JOIN ledger_transaction AS posted ON posted.sale_id = sale.id AND source_type = 'dispute'
    WHERE sale.subscription_id = s.id AND sale.disputed > 0
      AND (s.current_period_start IS NULL OR sale.period_end > s.current_period_start)
  ) AS withheld ON true
  WHERE status IN ('active', 'trialing', 'past_due', 'unpaid', 'paused', 'canceled', 'incomplete_expired')
    AND {only}
"""

_PASSES = """
  SELECT sale.account_id, sale.knowledge_base_id, sale.id AS source_id, paid_at, days,
         CASE WHEN refunded + disputed >= amount OR disputed > 0 THEN (
           SELECT coalesce(max(effective_at), paid_at) FROM ledger_transaction AS posted
           WHERE posted.sale_id = sale.id AND source_type IN ('refund', 'dispute')
         ) END AS revoked_at,
         row_number() OVER (
           PARTITION BY sale.account_id, sale.knowledge_base_id ORDER BY paid_at, stripe_charge_id
         ) AS place
  FROM sale JOIN plan ON plan.id = plan_id
  WHERE kind = 'pass' AND sale.account_id IS NOT NULL AND sale.knowledge_base_id IS NOT NULL AND {only}
"""

_CHAINED = """
  SELECT *, paid_at AS starts_at, paid_at + make_interval(days => days) AS ends_at,
         greatest(paid_at, least(paid_at + make_interval(days => days), revoked_at)) AS runs_until
  FROM pass WHERE place = 1
  UNION ALL
  SELECT pass.*, start.at, start.at + make_interval(days => pass.days),
         greatest(start.at, least(start.at + make_interval(days => pass.days), pass.revoked_at))
  FROM chained AS before
  JOIN pass ON pass.account_id = before.account_id AND pass.knowledge_base_id = before.knowledge_base_id
    AND pass.place = before.place + 1
  CROSS JOIN LATERAL (SELECT greatest(pass.paid_at, before.runs_until) AS at) AS start
"""

_GIVEN = """
  SELECT given.account_id, given.knowledge_base_id, 'complimentary' AS source, given.grant_id AS source_id,
         'complimentary' AS reason, given.at AS starts_at, given.until AS ends_at, ended.at AS revoked_at
  FROM complimentary_act AS given
  LEFT JOIN complimentary_act AS ended ON ended.grant_id = given.grant_id AND ended.act = 'ended'
  WHERE given.act = 'given'
"""


def _pass_tables(only: str) -> str:
    return f"pass AS ({_PASSES.format(only=only)}), chained AS ({_CHAINED})"


_CHAIN = (
    "account_id, knowledge_base_id, 'pass' AS source, source_id, 'pass of ' || days || ' days' AS reason,"
    " starts_at, ends_at, revoked_at"
)

_ONE_READER = "sale.account_id = :account_id AND sale.knowledge_base_id = :knowledge_base_id"
_OF_PAIR = sa.text(
    f"""
    WITH RECURSIVE {_pass_tables(_ONE_READER)}
    SELECT {_CHAIN} FROM chained ORDER BY place
    """  # noqa: S608 - the constants above
)

DERIVED = f"""
  WITH RECURSIVE {_pass_tables("true")}, derived AS (
    {_SUBSCRIPTIONS.format(only="true")} UNION ALL SELECT {_CHAIN} FROM chained UNION ALL {_GIVEN}
  )
"""  # noqa: S608 - the constants above

DIFFERENT = """
  (held.id IS NULL OR (derived.source_id IS NULL AND held.revoked_at IS NULL)
   OR derived.source_id IS NOT NULL AND (
      (held.account_id, held.knowledge_base_id, held.starts_at)
      IS DISTINCT FROM (derived.account_id, derived.knowledge_base_id, derived.starts_at)
   OR (held.revoked_at IS NULL) <> (derived.revoked_at IS NULL)
   OR (held.revoked_at IS NULL AND held.ends_at IS DISTINCT FROM derived.ends_at)))
"""
"""When it was taken back is not compared: it is when we heard of it, and the first time counts. A grant
without any source is right once it is revoked."""

WHAT = """
  format('grant of %s %s: held %s to %s%s, derived %s to %s%s', source, source_id,
    coalesce(held.starts_at::text, 'nothing'), coalesce(held.ends_at::text, 'open'),
    CASE WHEN held.revoked_at IS NULL THEN '' ELSE ', revoked' END,
    coalesce(derived.starts_at::text, 'nothing'), coalesce(derived.ends_at::text, 'open'),
    CASE WHEN derived.revoked_at IS NULL THEN '' ELSE ', revoked' END)
"""

FAULTS = f"""
  {DERIVED}
  SELECT source, source_id, {WHAT} AS what, derived.source_id IS NOT NULL AS exists, derived.account_id,
         derived.knowledge_base_id, derived.reason, derived.starts_at, derived.ends_at, derived.revoked_at
  FROM derived FULL JOIN access_grant AS held USING (source, source_id)
  WHERE {DIFFERENT}
"""  # noqa: S608 - the constants above


async def passes_of(session: Reader, *, account_id: UUID, knowledge_base_id: UUID) -> list[DerivedGrant]:
    """What the reader's passes to the knowledge base grant, one after the other."""
    rows = await session.execute(_OF_PAIR, {"account_id": account_id, "knowledge_base_id": knowledge_base_id})
    return [_derived(row) for row in rows]


async def faults(session: AsyncSession, *, grace: timedelta) -> AsyncIterator[GrantFault]:
    """Every grant that is not what its source says, computed from all of history."""
    query = sa.text(FAULTS).bindparams(sa.bindparam("grace", type_=sa.Interval))
    async for row in await session.stream(query, {"grace": grace}):
        yield GrantFault(row.source, row.source_id, row.what, _derived(row) if row.exists else None)


def _derived(row: sa.Row[tuple[object, ...]]) -> DerivedGrant:
    values = row._mapping
    starts_at: datetime = values["starts_at"]
    return DerivedGrant(
        account_id=values["account_id"],
        knowledge_base_id=values["knowledge_base_id"],
        source=values["source"],
        source_id=values["source_id"],
        reason=values["reason"],
        period=Period(starts_at, values["ends_at"], values["revoked_at"]),
    )
