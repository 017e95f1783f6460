"""A reader's passes to a knowledge base follow each other: all of them are stated anew when one changes."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from billing.entitlements import deriving, grants
from service.platform.ids import new_id


async def grant_passes(session: AsyncSession, *, account_id: UUID, knowledge_base_id: UUID) -> None:
    """Makes the grants of these passes what their sales say they should be.

    Two of these on one reader and knowledge base wait for each other, to the end of the transaction.
    """
    key = f"passes:{account_id}:{knowledge_base_id}"
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(key, 0))))
    for derived in await deriving.passes_of(
        session, account_id=account_id, knowledge_base_id=knowledge_base_id
    ):
        await grants.put(
            session,
            id=new_id(),
            account_id=derived.account_id,
            knowledge_base_id=derived.knowledge_base_id,
            source=derived.source,
            source_id=derived.source_id,
            reason=derived.reason,
            period=derived.period,
        )
