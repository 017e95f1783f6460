"""Refunds asked for by readers; whether they are given is for the creator or an operator to say."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.subscriptions.tables import refund_request


class RefundAlreadyRequested(Exception):
    """A refund of this subscription was asked for and is not answered yet."""


@dataclass(frozen=True)
class RefundRequestFact:
    """What a reader asked for."""

    id: UUID
    subscription_id: UUID
    reason: str
    status: Literal["open", "granted", "declined"]
    created_at: datetime


async def ask(
    session: AsyncSession, *, id: UUID, subscription_id: UUID, account_id: UUID, reason: str
) -> RefundRequestFact:
    """Keeps the request. Raises ``RefundAlreadyRequested``."""
    row = await session.execute(
        insert(refund_request)
        .values(id=id, subscription_id=subscription_id, account_id=account_id, reason=reason, status="open")
        .on_conflict_do_nothing(
            index_elements=[refund_request.c.subscription_id], index_where=sa.text("status = 'open'")
        )
        .returning(refund_request)
    )
    made = row.one_or_none()
    if made is None:
        raise RefundAlreadyRequested("A refund of this subscription was asked for already.")
    return RefundRequestFact(made.id, made.subscription_id, made.reason, made.status, made.created_at)
