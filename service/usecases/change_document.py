"""A creator changes a document's tier or title, removes it, or looks at their documents."""

from uuid import UUID

from service.knowledge import documents, indexing, knowledge_bases
from service.knowledge.documents import DocumentFact, Tier
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
) -> DocumentFact:
    """None leaves a field as it is. When this returns, no search goes by the old tier any more.

    Raises ``KnowledgeBaseNotFound`` and ``DocumentNotFound``.
    """
    async with context.database.transaction() as session:
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id, lock=True)
        before = await documents.get(session, knowledge_base_id=knowledge_base_id, document_id=document_id)
        changes: dict[str, str] = {}
        if tier is not None and tier != before.tier:
            changes["tier"] = tier
        if title is not None and title != before.title:
            changes["title"] = title
        if not changes:
            return before
        changed = await documents.change(session, document_id=document_id, changes=changes)
        lock = indexing.index_lock(knowledge_base_id)
        if "tier" in changes:
            await indexing.exclude(session, knowledge_base_id=knowledge_base_id, document_ids=[document_id])
            await knowledge_bases.recount(session, knowledge_base_id)
        # Soon to be found again in its new place; then the old place's statistics are cleared of it.
        await defer(session, "index_document", lock=lock, document_id=str(document_id))
        await indexing.rebuild_soon(session, knowledge_base_id)
        return changed


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
        await indexing.exclude(session, knowledge_base_id=knowledge_base_id, document_ids=[document_id])
        await knowledge_bases.recount(session, knowledge_base_id)
        await indexing.rebuild_soon(session, knowledge_base_id)


async def read_own_document(
    context: Context, *, document_id: UUID, knowledge_base_id: UUID, owner_id: UUID
) -> DocumentFact:
    """Raises ``KnowledgeBaseNotFound`` and ``DocumentNotFound``."""
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        return await documents.get(connection, knowledge_base_id=knowledge_base_id, document_id=document_id)


async def list_own_documents(
    context: Context, *, knowledge_base_id: UUID, owner_id: UUID, after: UUID | None, limit: int
) -> list[DocumentFact]:
    """In the order they came, from above the id ``after``. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        return await documents.list_page(
            connection, knowledge_base_id=knowledge_base_id, after=after, limit=limit
        )
