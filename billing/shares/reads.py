"""Who read what is free, for a month: distinct readers, and nothing by which one could be found again.

A reader's key is a hash with a salt that is made for the month and thrown away with the rows when it is
closed.
"""

import secrets
from collections.abc import Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.shares.dividing import UNIT, Reading
from billing.shares.tables import free_read, read_month


async def record(
    session: AsyncSession, *, reader: str, network: str | None, readings: Sequence[tuple[UUID, UUID]]
) -> None:
    """Somebody read of these (knowledge base, creator) now; once a month counts.

    ``reader`` tells readers apart, ``network`` where they came from. Both are kept as hashes only. A closed
    month takes no more.
    """
    values = {
        "salt": secrets.token_bytes(32),
        "reader": f"reader:{reader}",
        "network": None if network is None else f"network:{network}",
        "bases": [base for base, _ in readings],
        "creators": [creator for _, creator in readings],
    }
    if not (await session.execute(_RECORD, values)).scalar_one():
        # Another made the month's salt at this moment, and a statement does not see what begins after it.
        await session.execute(_RECORD, values)


async def count(session: AsyncSession, month: date, *, per_network: int) -> tuple[int, list[Reading]]:
    """The month's distinct readers, and each base's; of one network at most ``per_network`` count."""
    values = {"month": month, "per_network": per_network, "unit": UNIT}
    total = int((await session.execute(_READERS, values)).scalar_one())
    rows = await session.execute(_READINGS, values)
    return total, [Reading(*row) for row in rows]


async def due(session: AsyncSession, *, days: int) -> list[date]:
    """Months with readers that ended at least ``days`` days ago and are not closed, oldest first."""
    rows = await session.execute(_DUE, {"days": days})
    return list(rows.scalars())


async def lock(session: AsyncSession, month: date) -> bool:
    """Whether the month is still open; it is this transaction's to close then."""
    query = sa.select(read_month.c.closed_at).where(read_month.c.month == month).with_for_update()
    row = (await session.execute(query)).one_or_none()
    return row is not None and row.closed_at is None


async def close(session: AsyncSession, month: date) -> None:
    """Forgets who the readers were."""
    await session.execute(
        sa.update(read_month)
        .where(read_month.c.month == month)
        .values(closed_at=sa.func.zhihao_now(), salt=None)
    )
    await session.execute(sa.delete(free_read).where(free_read.c.month == month))


_RECORD = sa.text(
    """
    WITH clock AS (
      SELECT date_trunc('month', zhihao_now() AT TIME ZONE 'UTC')::date AS month
    ), opened AS (
      INSERT INTO read_month (month, salt) SELECT month, :salt FROM clock
      ON CONFLICT DO NOTHING RETURNING month, salt
    ), running AS (
      SELECT month, salt FROM opened
      UNION ALL SELECT month, salt FROM read_month JOIN clock USING (month)
    ), kept AS (
      INSERT INTO free_read (month, reader_key, knowledge_base_id, creator_id, network_key)
      SELECT month, substr(sha256(salt || convert_to(:reader, 'UTF8')), 1, 16), base, creator,
             substr(sha256(salt || convert_to(CAST(:network AS text), 'UTF8')), 1, 16)
      FROM running, unnest(CAST(:bases AS uuid[]), CAST(:creators AS uuid[])) AS reading (base, creator)
      WHERE salt IS NOT NULL
      ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM running
    """
)
_COUNTED = """
  SELECT reader_key, bases FROM (
    SELECT reader_key, bases, network, row_number() OVER (PARTITION BY network ORDER BY reader_key) AS place
    FROM (
      SELECT reader_key, count(*) AS bases, min(encode(network_key, 'hex')) AS network
      FROM free_read WHERE month = :month GROUP BY reader_key
    ) AS reader
  ) AS placed WHERE network IS NULL OR place <= :per_network
"""
_READERS = sa.text(f"SELECT count(*) FROM ({_COUNTED}) AS counted")  # noqa: S608 - the constant above
_READINGS = sa.text(
    f"""
    WITH counted AS ({_COUNTED}), reading AS (
      SELECT knowledge_base_id, creator_id, reader_key, :unit / bases AS credits
      FROM free_read JOIN counted USING (reader_key) WHERE month = :month
    ), creator AS (
      SELECT creator_id, count(DISTINCT reader_key) AS readers FROM reading GROUP BY creator_id
    )
    SELECT knowledge_base_id, creator_id, count(*), min(creator.readers), sum(credits)::bigint
    FROM reading JOIN creator USING (creator_id) GROUP BY 1, 2 ORDER BY 1, 2
    """  # noqa: S608 - the constant above
)
_DUE = sa.text(
    """
    SELECT month FROM read_month
    WHERE closed_at IS NULL
      AND (month + interval '1 month') AT TIME ZONE 'UTC' + make_interval(days => :days) <= zhihao_now()
    ORDER BY month
    """
)
