"""The audit log: who did what to what, written in the transaction that did it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.accounts.tables import AUDIT_LOG

Detail = str | int | bool | None


@dataclass(frozen=True)
class AuditEntry:
    """One act. ``actor_id`` is null for the service itself; ``subject`` is the id of what was acted on."""

    id: int
    at: datetime
    actor_id: UUID | None
    organization_id: UUID | None
    action: str
    subject: str
    detail: dict[str, Detail]


async def record(
    session: AsyncSession,
    *,
    actor_id: UUID | None,
    action: str,
    subject: object,
    organization_id: UUID | None = None,
    detail: Mapping[str, Detail] | None = None,
) -> None:
    """Writes one entry. ``action`` is ``noun.verb``; ``detail`` holds ids, numbers and fixed words only."""
    await session.execute(
        insert(AUDIT_LOG).values(
            at=func.zhihao_now(),
            actor_id=actor_id,
            organization_id=organization_id,
            action=action,
            subject=str(subject),
            detail=dict(detail or {}),
        )
    )


async def page(
    session: AsyncSession | AsyncConnection,
    *,
    organization_id: UUID | None,
    before: int | None,
    limit: int,
) -> list[AuditEntry]:
    """Newest first, below the id ``before``: of one organization, or with ``None`` of everything."""
    query = select(AUDIT_LOG).order_by(AUDIT_LOG.c.id.desc()).limit(limit)
    if organization_id is not None:
        query = query.where(AUDIT_LOG.c.organization_id == organization_id)
    if before is not None:
        query = query.where(AUDIT_LOG.c.id < before)
    return [AuditEntry(**row._mapping) for row in await session.execute(query)]
