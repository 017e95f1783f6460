"""A reader sees the subscriptions they have and had."""

from uuid import UUID

from billing.subscriptions import projecting
from billing.subscriptions.projecting import SubscriptionFact as SubscriptionFact
from service.usecases.context import Context


async def list_subscriptions(
    context: Context, *, account_id: UUID, before: UUID | None, limit: int
) -> list[SubscriptionFact]:
    """Newest first, from below the id ``before``."""
    async with context.database.reading() as connection:
        return await projecting.list_of(connection, account_id=account_id, before=before, limit=limit)


async def read_subscription(context: Context, *, id: UUID, account_id: UUID) -> SubscriptionFact:
    """Raises ``SubscriptionNotFound``."""
    async with context.database.reading() as connection:
        return await projecting.find(connection, id=id, account_id=account_id)
