"""Checkouts of a creator who sells no more: those not paid yet are taken out of use."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.subscriptions.checkouts import OpenCheckout

_CLOSE = sa.text(
    """
    UPDATE checkout SET status = CASE status WHEN 'opening' THEN 'replaced' ELSE status END
    WHERE status IN ('opening', 'open') AND kind <> 'contract'
      AND (knowledge_base_id = ANY(:knowledge_base_ids)
           OR tip_id IN (SELECT id FROM tip WHERE creator_id = :creator_id AND status = 'pending'))
    RETURNING id, stripe_session_id
    """
)


async def take_out_of_use(
    session: AsyncSession, *, creator_id: UUID, knowledge_base_ids: Sequence[UUID]
) -> list[OpenCheckout]:
    """The creator's unpaid checkouts, tips included. Their pages are still to be closed at the processor.

    One whose page is not known yet is replaced, so that whoever opens it closes it again.
    """
    values = {"creator_id": creator_id, "knowledge_base_ids": list(knowledge_base_ids)}
    rows = await session.execute(_CLOSE, values)
    return [OpenCheckout(row.id, row.stripe_session_id) for row in rows]
