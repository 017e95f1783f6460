"""Grants: who may see the paid tier of which knowledge base, from when, until when, and why.

There is one grant per source. It is a function of its source: computed again from a subscription or a sale,
it is the same. Whether a grant is live is decided in SQL at the moment it matters, never here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.entitlements.tables import access_grant

Source = Literal["subscription", "pass", "complimentary"]


class GrantNotFound(Exception):
    """There is no such grant of this knowledge base."""


@dataclass(frozen=True)
class GrantFact:
    """``ends_at`` None: until it is taken back."""

    id: UUID
    account_id: UUID
    knowledge_base_id: UUID
    source: Source
    reason: str
    starts_at: datetime
    ends_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class Period:
    """What a source grants: a span of time, and since when it does not any more."""

    starts_at: datetime
    ends_at: datetime | None
    revoked_at: datetime | None = None


def subscribed_period(
    *,
    status: str,
    started_at: datetime,
    current_period_end: datetime | None,
    cancel_at_period_end: bool,
    past_due_since: datetime | None,
    ended_at: datetime | None,
    grace: timedelta,
    now: datetime,
) -> Period | None:
    """What a subscription in this state grants, None for nothing yet.

    A renewal may be told late and a payment may be late: ``grace`` is added to a paid period that is to be
    followed by another, and counted from ``past_due_since`` once a payment has failed. A subscription that is
    to end with its period ends on time.
    """
    match status:
        case "active" | "trialing":
            if current_period_end is None:
                return Period(started_at, None)
            return Period(started_at, current_period_end + (timedelta() if cancel_at_period_end else grace))
        case "past_due":
            return Period(started_at, (past_due_since or now) + grace)
        case "unpaid" | "paused" | "canceled" | "incomplete_expired":
            since = ended_at or past_due_since or now
            return Period(started_at, since, since)
        case _:
            return None


async def put(
    session: AsyncSession,
    *,
    id: UUID,
    account_id: UUID,
    knowledge_base_id: UUID,
    source: Source,
    source_id: UUID,
    reason: str,
    period: Period,
) -> GrantFact:
    """Makes the source's grant what it should be. The first moment of a revocation is kept."""
    made = insert(access_grant).values(
        id=id,
        account_id=account_id,
        knowledge_base_id=knowledge_base_id,
        source=source,
        source_id=source_id,
        reason=reason,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
        revoked_at=period.revoked_at,
    )
    kept = sa.func.least(access_grant.c.revoked_at, made.excluded.revoked_at)
    row = await session.execute(
        made.on_conflict_do_update(
            constraint="access_grant_source_unique",
            set_={
                "account_id": made.excluded.account_id,
                "knowledge_base_id": made.excluded.knowledge_base_id,
                "reason": made.excluded.reason,
                "starts_at": made.excluded.starts_at,
                "ends_at": made.excluded.ends_at,
                "revoked_at": sa.case((made.excluded.revoked_at.is_(None), None), else_=kept),
            },
        ).returning(access_grant)
    )
    return _fact(row.one())


async def revoke(session: AsyncSession, *, source: Source, source_id: UUID) -> None:
    """Takes the source's grant back, now. Grants of other sources are not touched."""
    await session.execute(
        sa.update(access_grant)
        .where(
            access_grant.c.source == source,
            access_grant.c.source_id == source_id,
            access_grant.c.revoked_at.is_(None),
        )
        .values(revoked_at=sa.func.zhihao_now())
    )


async def find_complimentary(session: AsyncSession, *, id: UUID, knowledge_base_id: UUID) -> GrantFact:
    """A grant that the creator gave. Raises ``GrantNotFound``."""
    query = _complimentary(knowledge_base_id).where(access_grant.c.id == id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise GrantNotFound("There is no such grant of this knowledge base.")
    return _fact(row)


async def list_complimentary(
    session: AsyncSession | AsyncConnection, *, knowledge_base_id: UUID, before: UUID | None, limit: int
) -> list[GrantFact]:
    """What the creator gave, newest first, from below ``before``."""
    query = _complimentary(knowledge_base_id)
    if before is not None:
        query = query.where(access_grant.c.id < before)
    return [
        _fact(row) for row in await session.execute(query.order_by(access_grant.c.id.desc()).limit(limit))
    ]


def _complimentary(knowledge_base_id: UUID) -> sa.Select[Any]:
    return sa.select(access_grant).where(
        access_grant.c.knowledge_base_id == knowledge_base_id, access_grant.c.source == "complimentary"
    )


def _fact(row: sa.Row[Any]) -> GrantFact:
    return GrantFact(
        id=row.id,
        account_id=row.account_id,
        knowledge_base_id=row.knowledge_base_id,
        source=row.source,
        reason=row.reason,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        revoked_at=row.revoked_at,
    )
