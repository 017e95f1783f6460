"""A person looks at what they bought."""

from uuid import UUID

from billing.refunds import purchases
from billing.refunds.purchases import Purchase as Purchase
from service.usecases.context import Context


async def list_purchases(
    context: Context, *, account_id: UUID, before: UUID | None, limit: int
) -> list[Purchase]:
    """Each payment, what of it came back and what it opened; newest first, from below the id ``before``."""
    async with context.database.reading() as connection:
        return await purchases.list_of(connection, account_id=account_id, before=before, limit=limit)


async def read_purchase(context: Context, *, id: UUID, account_id: UUID) -> Purchase:
    """One of one's own. Raises ``SaleNotFound``."""
    async with context.database.reading() as connection:
        return await purchases.find(connection, id=id, account_id=account_id)
