"""What readers tell the operators about a knowledge base, and what those answer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.accounts.tables import REPORT

Status = Literal["open", "answered", "dismissed"]


class ReportNotFound(Exception):
    """No such report."""


@dataclass(frozen=True)
class Report:
    """One report; ``answer`` is the operators' to its author."""

    id: UUID
    knowledge_base_id: UUID
    reporter_id: UUID | None
    reason: str
    detail: str
    status: Status
    answer: str | None
    created_at: datetime
    answered_at: datetime | None


_FACT = tuple(REPORT.c[name] for name in Report.__dataclass_fields__)


async def create(
    session: AsyncSession,
    *,
    report_id: UUID,
    knowledge_base_id: UUID,
    reporter_id: UUID | None,
    reason: str,
    detail: str,
) -> Report:
    """An open report."""
    made = await session.execute(
        insert(REPORT)
        .values(
            id=report_id,
            knowledge_base_id=knowledge_base_id,
            reporter_id=reporter_id,
            reason=reason,
            detail=detail,
            status="open",
            created_at=func.zhihao_now(),
        )
        .returning(*_FACT)
    )
    return Report(**made.one()._mapping)


async def list_of(
    session: AsyncSession | AsyncConnection,
    *,
    status: Status | None,
    reporter_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> list[Report]:
    """Newest first, below the id ``before``: of one status, of one reporter, or with ``None`` of all."""
    query = select(*_FACT).order_by(REPORT.c.id.desc()).limit(limit)
    if status is not None:
        query = query.where(REPORT.c.status == status)
    if reporter_id is not None:
        query = query.where(REPORT.c.reporter_id == reporter_id)
    if before is not None:
        query = query.where(REPORT.c.id < before)
    return [Report(**row._mapping) for row in await session.execute(query)]


async def answer(
    session: AsyncSession, *, report_id: UUID, operator_id: UUID, text: str, status: Status
) -> Report:
    """Closes a report, or changes how it was closed. Raises ``ReportNotFound``."""
    changed = await session.execute(
        update(REPORT)
        .where(REPORT.c.id == report_id)
        .values(status=status, answer=text, answered_by=operator_id, answered_at=func.zhihao_now())
        .returning(*_FACT)
    )
    row = changed.one_or_none()
    if row is None:
        raise ReportNotFound("There is no such report.")
    return Report(**row._mapping)


async def forget_reporter(session: AsyncSession, *, account_id: UUID) -> None:
    """Leaves an account's reports standing, by nobody."""
    await session.execute(update(REPORT).where(REPORT.c.reporter_id == account_id).values(reporter_id=None))
