"""Early warnings of fraud: an issuer's, days before a dispute that a refund may still spare."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.processor.disputes import FraudWarning
from billing.refunds.tables import fraud_warning
from billing.refunds.taking import Sale


async def write(session: AsyncSession, sold: Sale, *, id: UUID, said: FraudWarning) -> UUID:
    """Keeps the warning as it is now; returns its id, which is ``id`` when it is new."""
    made = insert(fraud_warning).values(
        id=id,
        sale_id=sold.id,
        stripe_warning_id=said.id,
        fraud_type=said.fraud_type,
        actionable=said.actionable,
        warned_at=said.warned_at,
    )
    row = await session.execute(
        made.on_conflict_do_update(
            constraint="fraud_warning_stripe_unique", set_={"actionable": made.excluded.actionable}
        ).returning(fraud_warning.c.id)
    )
    kept: UUID = row.scalar_one()
    return kept


async def answered(session: AsyncSession, id: UUID, *, refund_id: UUID) -> None:
    """The warning was answered by a refund."""
    await session.execute(
        sa.update(fraud_warning).where(fraud_warning.c.id == id).values(refund_id=refund_id)
    )
