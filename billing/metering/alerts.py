"""Marks of a cap that spending passed: each is said once a month, the highest of those passed at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering.tables import spend_alert


@dataclass(frozen=True, slots=True)
class Passed:
    """``percent`` of the ``cap`` of an organization, or of one of its keys, was reached in a month."""

    subject_id: UUID
    organization_id: UUID
    month: date
    percent: int
    cap: int
    spent: int


def passed(cap: int | None, before: int, after: int, percents: Sequence[int]) -> list[int]:
    """The marks that spending passes on its way from ``before`` to ``after``. A cap of 0 has none."""
    if not cap:
        return []
    return [percent for percent in percents if before * 100 < cap * percent <= after * 100]


async def keep(session: AsyncSession, marks: Sequence[Passed]) -> list[Passed]:
    """Those that had not been passed this month, and of each subject's only the highest."""
    news: dict[UUID, Passed] = {}
    for mark in sorted(marks, key=lambda mark: (mark.subject_id, mark.percent)):
        row = await session.execute(
            insert(spend_alert)
            .values(
                subject_id=mark.subject_id,
                organization_id=mark.organization_id,
                month=mark.month,
                percent=mark.percent,
                cap=mark.cap,
                spent=mark.spent,
                created_at=sa.func.zhihao_now(),
            )
            .on_conflict_do_nothing()
            .returning(spend_alert.c.percent)
        )
        if row.one_or_none() is not None:
            news[mark.subject_id] = mark
    return list(news.values())


async def tell_once(session: AsyncSession, *, subject_id: UUID, month: date, percent: int) -> Passed | None:
    """The mark, the first time it is asked for; to be told in the caller's transaction."""
    row = await session.execute(
        sa.update(spend_alert)
        .where(
            spend_alert.c.subject_id == subject_id,
            spend_alert.c.month == month,
            spend_alert.c.percent == percent,
            spend_alert.c.told_at.is_(None),
        )
        .values(told_at=sa.func.zhihao_now())
        .returning(*[spend_alert.c[name] for name in Passed.__dataclass_fields__])
    )
    found = row.one_or_none()
    return None if found is None else Passed(*found)
