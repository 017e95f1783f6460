"""A creator changes or deletes a knowledge base, or looks at their own."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from service.knowledge import knowledge_bases
from service.knowledge.cards import card_changed
from service.knowledge.changes import record
from service.knowledge.indexing import index_lock
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.platform.jobs import defer
from service.usecases.context import Context


async def change_knowledge_base(
    context: Context, *, id: UUID, owner_id: UUID, changes: Mapping[str, Any]
) -> KnowledgeBaseFact:
    """Writes the given fields and leaves the others. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.transaction() as session:
        before = await knowledge_bases.get_owned(session, id=id, owner_id=owner_id, lock=True)
        if not changes:
            return before
        changed = await knowledge_bases.change(session, id=id, changes=changes)
        if (before.visibility == "private") != (changed.visibility == "private"):
            await record(session, id, None)
        await card_changed(session, id)
        return changed


async def delete_knowledge_base(context: Context, *, id: UUID, owner_id: UUID) -> None:
    """Gone for everybody when this returns, and nothing renews. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.transaction() as session:
        await knowledge_bases.get_owned(session, id=id, owner_id=owner_id, lock=True)
        await knowledge_bases.delete(session, id=id)
        await card_changed(session, id)
        await defer(session, "end_renewals", knowledge_base_id=str(id))
        await defer(session, "drop_index", lock=index_lock(id), knowledge_base_id=str(id))


async def read_own_knowledge_base(context: Context, *, id: UUID, owner_id: UUID) -> KnowledgeBaseFact:
    """Raises ``KnowledgeBaseNotFound``."""
    async with context.database.reading() as connection:
        return await knowledge_bases.get_owned(connection, id=id, owner_id=owner_id)


async def list_own_knowledge_bases(
    context: Context, *, owner_id: UUID, before: UUID | None, limit: int
) -> list[KnowledgeBaseFact]:
    """Newest first, from below the id ``before``."""
    async with context.database.reading() as connection:
        return await knowledge_bases.list_owned(connection, owner_id=owner_id, before=before, limit=limit)
