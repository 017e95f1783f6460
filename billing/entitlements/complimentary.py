"""A creator's word: what was given for nothing, and taken back. Each act is kept beside the grant it makes,
so that the grant can be computed again from it."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.entitlements import grants
from billing.entitlements.grants import GrantFact, Period
from billing.entitlements.tables import complimentary_act


async def give(
    session: AsyncSession,
    *,
    id: UUID,
    act_id: UUID,
    account_id: UUID,
    knowledge_base_id: UUID,
    actor_id: UUID,
    reason: str,
    now: datetime,
    until: datetime | None,
) -> GrantFact:
    """The paid tier from ``now`` on, ``until`` then or until it is taken back."""
    await session.execute(
        sa.insert(complimentary_act).values(
            id=act_id,
            grant_id=id,
            act="given",
            account_id=account_id,
            knowledge_base_id=knowledge_base_id,
            until=until,
            actor_id=actor_id,
            at=now,
        )
    )
    return await grants.put(
        session,
        id=id,
        account_id=account_id,
        knowledge_base_id=knowledge_base_id,
        source="complimentary",
        source_id=id,
        reason=reason,
        period=Period(now, until),
    )


async def end(session: AsyncSession, given: GrantFact, *, act_id: UUID, actor_id: UUID) -> None:
    """Takes it back, now and once."""
    await session.execute(
        insert(complimentary_act)
        .values(
            id=act_id,
            grant_id=given.id,
            act="ended",
            account_id=given.account_id,
            knowledge_base_id=given.knowledge_base_id,
            actor_id=actor_id,
        )
        .on_conflict_do_nothing(constraint="complimentary_act_unique")
    )
    await grants.revoke(session, source="complimentary", source_id=given.id)
