"""A reader looks at the tips they gave."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from billing.money import Money
from billing.tips import giving
from service.knowledge import profiles
from service.usecases.context import Context


@dataclass(frozen=True)
class GivenTip:
    """``handle`` is the creator's, while they have one; ``paid_at`` is set once it is paid."""

    id: UUID
    handle: str | None
    knowledge_base_id: UUID | None
    price: Money
    message: str | None
    anonymous: bool
    status: Literal["pending", "paid", "expired"]
    created_at: datetime
    paid_at: datetime | None


async def list_tips(context: Context, *, account_id: UUID, before: UUID | None, limit: int) -> list[GivenTip]:
    """Those the account began, newest first, from below the id ``before``."""
    async with context.database.reading() as connection:
        given = await giving.list_given(connection, account_id=account_id, before=before, limit=limit)
        handles = await profiles.handles_of(connection, {tip.creator_id for tip in given})
    return [
        GivenTip(
            id=tip.id,
            handle=handles.get(tip.creator_id),
            knowledge_base_id=tip.knowledge_base_id,
            price=tip.price,
            message=tip.message,
            anonymous=tip.anonymous,
            status=tip.status,
            created_at=tip.created_at,
            paid_at=tip.paid_at,
        )
        for tip in given
    ]
