"""When the square's cards are brought up to date."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from service.platform.jobs import defer

CARDS_LOCK = "cards"
"""Held by the jobs that write the square's index: it has one writer at a time."""


async def card_changed(session: AsyncSession, knowledge_base_id: UUID) -> None:
    """Something that the card shows, or whether it is shown, changes with this transaction."""
    await defer(
        session,
        "index_card",
        lock=CARDS_LOCK,
        queueing_lock=f"card:{knowledge_base_id}",
        priority=10,
        knowledge_base_id=str(knowledge_base_id),
    )
