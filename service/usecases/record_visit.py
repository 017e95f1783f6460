"""A page of a knowledge base was looked at, perhaps by a link somebody shared."""

from uuid import UUID

from service.knowledge import visits
from service.usecases.context import Context


async def record_visit(
    context: Context,
    *,
    id: UUID,
    knowledge_base_id: UUID,
    ref: str | None,
    account_id: UUID | None,
    visitor: str | None,
) -> None:
    """Keeps the visit; ``ref`` is the link's mark as it came, cut to 200 characters."""
    async with context.database.transaction() as session:
        await visits.record(
            session,
            id=id,
            knowledge_base_id=knowledge_base_id,
            ref=ref,
            account_id=account_id,
            visitor=visitor,
        )
