"""Tips: a reader thanks a creator. Kept before it is paid; counted when it is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.money import Money
from billing.tips.tables import tip


class TipRefused(Exception):
    """This tip cannot be given: to oneself, or to someone who has published nothing."""


@dataclass(frozen=True)
class TipFact:
    """A paid tip as the creator sees it: from nobody when it is anonymous."""

    id: UUID
    account_id: UUID | None
    knowledge_base_id: UUID | None
    price: Money
    message: str | None
    anonymous: bool
    paid_at: datetime


@dataclass(frozen=True)
class GivenTipFact:
    """A tip as its giver sees it, paid or not."""

    id: UUID
    creator_id: UUID
    knowledge_base_id: UUID | None
    price: Money
    message: str | None
    anonymous: bool
    status: Literal["pending", "paid", "expired"]
    created_at: datetime
    paid_at: datetime | None


async def begin(
    session: AsyncSession,
    *,
    id: UUID,
    account_id: UUID,
    creator_id: UUID,
    knowledge_base_id: UUID | None,
    price: Money,
    message: str | None,
    anonymous: bool,
) -> None:
    """Keeps the tip, not paid yet. Raises ``TipRefused`` for one to oneself."""
    if account_id == creator_id:
        raise TipRefused("A tip is for somebody else.")
    await session.execute(
        sa.insert(tip).values(
            id=id,
            account_id=account_id,
            creator_id=creator_id,
            knowledge_base_id=knowledge_base_id,
            amount=price.amount,
            currency=price.currency,
            message=message,
            anonymous=anonymous,
            status="pending",
        )
    )


async def begun_since(session: AsyncSession, *, account_id: UUID, since: datetime) -> int:
    """How many tips the account began since then, paid or not."""
    query = sa.select(sa.func.count()).where(tip.c.account_id == account_id, tip.c.created_at >= since)
    return int(await session.scalar(query) or 0)


async def paid(session: AsyncSession, id: UUID, *, at: datetime) -> None:
    """The tip was paid; also one whose page had expired, if the money came all the same."""
    await session.execute(
        sa.update(tip).where(tip.c.id == id, tip.c.status != "paid").values(status="paid", paid_at=at)
    )


async def message_of(session: AsyncSession, id: UUID) -> str | None:
    """What its giver wrote to the creator."""
    message: str | None = await session.scalar(sa.select(tip.c.message).where(tip.c.id == id))
    return message


async def expired(session: AsyncSession, id: UUID) -> None:
    """Its page was closed unpaid."""
    await session.execute(
        sa.update(tip).where(tip.c.id == id, tip.c.status == "pending").values(status="expired")
    )


async def list_received(
    session: AsyncSession | AsyncConnection, *, creator_id: UUID, before: UUID | None, limit: int
) -> list[TipFact]:
    """The creator's paid tips, newest first, from below ``before``."""
    query = sa.select(tip).where(tip.c.creator_id == creator_id, tip.c.status == "paid")
    if before is not None:
        query = query.where(tip.c.id < before)
    return [_fact(row) for row in await session.execute(query.order_by(tip.c.id.desc()).limit(limit))]


async def list_given(
    session: AsyncSession | AsyncConnection, *, account_id: UUID, before: UUID | None, limit: int
) -> list[GivenTipFact]:
    """The tips an account began, newest first, from below ``before``."""
    query = sa.select(tip).where(tip.c.account_id == account_id)
    if before is not None:
        query = query.where(tip.c.id < before)
    return [
        GivenTipFact(
            id=row.id,
            creator_id=row.creator_id,
            knowledge_base_id=row.knowledge_base_id,
            price=Money(row.amount, row.currency),
            message=row.message,
            anonymous=row.anonymous,
            status=row.status,
            created_at=row.created_at,
            paid_at=row.paid_at,
        )
        for row in await session.execute(query.order_by(tip.c.id.desc()).limit(limit))
    ]


def _fact(row: sa.Row[Any]) -> TipFact:
    return TipFact(
        id=row.id,
        account_id=None if row.anonymous else row.account_id,
        knowledge_base_id=row.knowledge_base_id,
        price=Money(row.amount, row.currency),
        message=row.message,
        anonymous=row.anonymous,
        paid_at=row.paid_at,
    )
