"""Freezes: while there is one, nothing is paid out to a creator. What is earned meanwhile waits."""

from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.payouts.tables import payout_account

Reason = Literal["operator", "suspended"]


async def freeze(session: AsyncSession, account_id: UUID, reason: Reason) -> bool:
    """Stops all payouts, also of an account that is opened later. False when it was so for this reason."""
    await session.execute(
        insert(payout_account).values(account_id=account_id, status="onboarding").on_conflict_do_nothing()
    )
    named = payout_account.c.frozen_for
    row = await session.execute(
        sa.update(payout_account)
        .where(payout_account.c.account_id == account_id, sa.not_(named.contains([reason])))
        .values(
            frozen_at=sa.func.coalesce(payout_account.c.frozen_at, sa.func.zhihao_now()),
            frozen_for=sa.func.array_append(named, reason),
        )
        .returning(payout_account.c.account_id)
    )
    return row.one_or_none() is not None


async def thaw(session: AsyncSession, account_id: UUID, reason: Reason) -> bool:
    """Takes this reason away; payouts go on once there is none. False when it was no reason."""
    named = payout_account.c.frozen_for
    left = sa.func.array_remove(named, reason)
    row = await session.execute(
        sa.update(payout_account)
        .where(payout_account.c.account_id == account_id, named.contains([reason]))
        .values(
            frozen_at=sa.case((sa.func.cardinality(left) > 0, payout_account.c.frozen_at)), frozen_for=left
        )
        .returning(payout_account.c.account_id)
    )
    return row.one_or_none() is not None


async def reasons(session: AsyncSession | AsyncConnection, account_id: UUID) -> list[Reason]:
    """Why payouts to the creator are frozen; empty when they are not."""
    query = sa.select(payout_account.c.frozen_for).where(payout_account.c.account_id == account_id)
    found: list[Reason] | None = await session.scalar(query)
    return found or []
