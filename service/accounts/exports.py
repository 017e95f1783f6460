"""Exports a person asked for: begun, then done by a job, and kept for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.accounts.tables import ACCOUNT_EXPORT

KEPT = timedelta(days=1)


class ExportNotFound(Exception):
    """No such export of this account, or it was thrown away."""


@dataclass(frozen=True)
class Export:
    """``result`` maps a kind of record to the records, once the status is ``done``."""

    id: UUID
    status: Literal["queued", "done", "failed"]
    created_at: datetime
    done_at: datetime | None
    result: dict[str, Any] | None


_FACT = tuple(ACCOUNT_EXPORT.c[name] for name in Export.__dataclass_fields__)


async def begin(session: AsyncSession, *, export_id: UUID, account_id: UUID) -> Export:
    """A queued export."""
    made = await session.execute(
        insert(ACCOUNT_EXPORT)
        .values(id=export_id, account_id=account_id, status="queued", created_at=func.zhihao_now())
        .returning(*_FACT)
    )
    return Export(**made.one()._mapping)


async def newest(
    session: AsyncSession | AsyncConnection, *, account_id: UUID, within: timedelta
) -> Export | None:
    """The account's newest export that was asked for ``within`` the time given."""
    query = (
        select(*_FACT)
        .where(
            ACCOUNT_EXPORT.c.account_id == account_id,
            ACCOUNT_EXPORT.c.status != "failed",
            ACCOUNT_EXPORT.c.created_at > func.zhihao_now() - within,
        )
        .order_by(ACCOUNT_EXPORT.c.id.desc())
        .limit(1)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else Export(**row._mapping)


async def read(
    session: AsyncSession | AsyncConnection, *, export_id: UUID, account_id: UUID | None = None
) -> tuple[Export, UUID]:
    """The export and whose it is, which must be ``account_id`` when that is given.

    Raises ``ExportNotFound``.
    """
    query = select(*_FACT, ACCOUNT_EXPORT.c.account_id).where(ACCOUNT_EXPORT.c.id == export_id)
    if account_id is not None:
        query = query.where(ACCOUNT_EXPORT.c.account_id == account_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise ExportNotFound("There is no such export.")
    fact = {name: row._mapping[name] for name in Export.__dataclass_fields__}
    return Export(**fact), row.account_id


async def finish(session: AsyncSession, *, export_id: UUID, result: dict[str, Any]) -> None:
    """Keeps what was found."""
    await session.execute(
        update(ACCOUNT_EXPORT)
        .where(ACCOUNT_EXPORT.c.id == export_id)
        .values(status="done", result=result, done_at=func.zhihao_now())
    )


async def forget(session: AsyncSession, *, account_id: UUID) -> None:
    """Throws an account's exports away."""
    await session.execute(delete(ACCOUNT_EXPORT).where(ACCOUNT_EXPORT.c.account_id == account_id))


async def purge(session: AsyncSession) -> None:
    """Throws away what was kept for a day."""
    await session.execute(
        delete(ACCOUNT_EXPORT).where(ACCOUNT_EXPORT.c.created_at < func.zhihao_now() - KEPT)
    )
