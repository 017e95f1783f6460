"""A reader sees everything that is open to them, and why."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.entitlements import holding
from billing.entitlements.holding import LiveSource as LiveSource
from service.knowledge import knowledge_bases
from service.usecases.context import Context


@dataclass(frozen=True)
class HeldEntitlement:
    """A knowledge base that is open, all of it: ``why`` names what lasts longest, and ``until`` when that
    ends by itself; ``sources`` are all, any of which is enough."""

    knowledge_base_id: UUID
    slug: str | None
    title: str | None
    tier: str
    why: str
    until: datetime | None
    sources: list[LiveSource]


async def list_entitlements(
    context: Context, *, account_id: UUID, before: UUID | None, limit: int
) -> list[HeldEntitlement]:
    """By knowledge base, from below the id ``before``. A deleted one has no title any more."""
    async with context.database.reading() as connection:
        held = await holding.held_by(connection, account_id=account_id, before=before, limit=limit)
        bases = await knowledge_bases.get_many(connection, list(held))
    return [
        HeldEntitlement(
            knowledge_base_id=id,
            slug=base.slug if (base := bases.get(id)) else None,
            title=base.title if base else None,
            tier="all",
            why=sources[0].source,
            until=sources[0].until,
            sources=sources,
        )
        for id, sources in held.items()
    ]
