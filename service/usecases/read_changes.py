"""A reader follows what changes in a knowledge base."""

from dataclasses import dataclass
from uuid import UUID

from service.knowledge import knowledge_bases
from service.knowledge.changes import Change, View, list_changes, newest_changes
from service.usecases.context import Context
from service.usecases.read_knowledge_base import decision_of


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader is in the feed of one view."""

    view: View
    number: int


@dataclass(frozen=True, slots=True)
class Followed:
    """Entries in order, and where to go on, also where there are none yet."""

    changes: list[Change]
    position: Position


async def read_changes(
    context: Context, *, id_or_slug: str, account_id: UUID | None, position: Position | None, limit: int
) -> Followed:
    """What changed of what this reader may open, from behind ``position``; None from the beginning.

    Who may open more or less than at ``position`` is told all of what they may open now, from the beginning;
    so is an owner once the draft is published.
    Raises ``KnowledgeBaseNotFound``, also for what this reader may not know of.
    """
    async with context.database.reading() as connection:
        base = await knowledge_bases.find(connection, id_or_slug)
        decision = await decision_of(connection, base, account_id)
        view: View = "all" if decision.tier == "all" else "free"
        if decision.why == "owner" and base.published_at is None:
            view = "draft"
        after = position.number if position is not None and position.view == view else 0
        found = await list_changes(connection, knowledge_base_id=base.id, view=view, after=after, limit=limit)
    return Followed(found, Position(view, found[-1].number if found else after))


async def read_public_changes(context: Context, *, id_or_slug: str, limit: int) -> list[Change]:
    """The newest of what is open to everybody, newest first. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.reading() as connection:
        base = await knowledge_bases.find(connection, id_or_slug)
        await decision_of(connection, base, None)
        return await newest_changes(connection, knowledge_base_id=base.id, limit=limit)
