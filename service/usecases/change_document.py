"""A creator changes a document's tier or title, removes it, or looks at their documents."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.knowledge import documents, indexing, knowledge_bases
from service.knowledge.changes import record
from service.knowledge.documents import DocumentFact, Tier
from service.knowledge.edition_links import Editions
from service.knowledge.editions import Said, editions_of
from service.platform.jobs import defer
from service.usecases.context import Context


async def change_document(
    context: Context,
    *,
    document_id: UUID,
    knowledge_base_id: UUID,
    owner_id: UUID,
    tier: Tier | None,
    title: str | None,
    edition: Said | None = None,
) -> DocumentFact:
    """None leaves a field as it is. When this returns, no search goes by the old tier any more.

    ``edition`` is what the creator says it is of which work (``editions.said``), or that its title and text
    are to be gone by again. Raises ``KnowledgeBaseNotFound`` and ``DocumentNotFound``.
    """
    async with context.database.transaction() as session:
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id, lock=True)
        before = await documents.get(session, knowledge_base_id=knowledge_base_id, document_id=document_id)
        changes: dict[str, Any] = {}
        if tier is not None and tier != before.tier:
            changes["tier"] = tier
        if title is not None and title != before.title:
            changes["title"] = title
        if edition == "recognised":
            changes["edition_set"] = False
        elif edition is not None:
            changes |= {"work": edition.work, "edition": edition.label, "edition_sketch": edition.sketch}
            changes["edition_set"] = True
        if not changes:
            return await _with_editions(session, before)
        changed = await documents.change(session, document_id=document_id, changes=changes)
        await record(session, knowledge_base_id, [document_id])
        lock = indexing.index_lock(knowledge_base_id)
        if "tier" in changes:
            await indexing.exclude(session, knowledge_base_id=knowledge_base_id, document_ids=[document_id])
            await knowledge_bases.recount(session, knowledge_base_id)
        # Soon to be found again in its new place; then the old place's statistics are cleared of it.
        await defer(session, "index_document", lock=lock, document_id=str(document_id))
        if "tier" in changes:
            await indexing.rebuild_soon(session, knowledge_base_id)
        return await _with_editions(session, changed)


async def remove_document(
    context: Context, *, document_id: UUID, knowledge_base_id: UUID, owner_id: UUID
) -> None:
    """When this returns, nobody reads it or has an answer from it.

    Raises ``KnowledgeBaseNotFound`` and ``DocumentNotFound``.
    """
    async with context.database.transaction() as session:
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id, lock=True)
        await documents.get(session, knowledge_base_id=knowledge_base_id, document_id=document_id)
        await documents.remove(session, document_id=document_id)
        await record(session, knowledge_base_id, [document_id])
        await indexing.exclude(session, knowledge_base_id=knowledge_base_id, document_ids=[document_id])
        await knowledge_bases.recount(session, knowledge_base_id)
        await indexing.rebuild_soon(session, knowledge_base_id)


async def read_own_document(
    context: Context, *, document_id: UUID, knowledge_base_id: UUID, owner_id: UUID
) -> DocumentFact:
    """Raises ``KnowledgeBaseNotFound`` and ``DocumentNotFound``."""
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        found = await documents.get(connection, knowledge_base_id=knowledge_base_id, document_id=document_id)
        return await _with_editions(connection, found)


async def list_own_documents(
    context: Context, *, knowledge_base_id: UUID, owner_id: UUID, after: UUID | None, limit: int
) -> list[DocumentFact]:
    """In the order they came, from above the id ``after``. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        found = await documents.list_page(
            connection, knowledge_base_id=knowledge_base_id, after=after, limit=limit
        )
        editions = await editions_of(
            connection,
            knowledge_base_id=knowledge_base_id,
            document_ids=[item.id for item in found],
            paid=True,
        )
    return [_linked(item, editions.get(item.id)) for item in found]


async def _with_editions(session: AsyncSession | AsyncConnection, found: DocumentFact) -> DocumentFact:
    editions = await editions_of(
        session, knowledge_base_id=found.knowledge_base_id, document_ids=[found.id], paid=True
    )
    return _linked(found, editions.get(found.id))


def _linked(found: DocumentFact, editions: Editions | None) -> DocumentFact:
    if editions is None:
        return found
    return replace(found, superseded_by=editions.superseded_by, supersedes=editions.supersedes)
