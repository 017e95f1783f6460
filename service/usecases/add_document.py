"""A creator adds a document, or gives one another file."""

import hashlib
from uuid import UUID

from service.knowledge import documents, indexing, knowledge_bases
from service.knowledge.documents import DocumentFact, NewDocument, Tier, TooManyDocuments
from service.knowledge.parsing.formats import title_of
from service.platform.idempotency import Once, claim, keep
from service.platform.jobs import defer
from service.usecases.context import Context


async def add_document(
    context: Context,
    *,
    id: UUID,
    knowledge_base_id: UUID,
    owner_id: UUID,
    file_name: str,
    data: bytes,
    tier: Tier,
    once: Once | None,
) -> DocumentFact:
    """A queued document of this file. The same file of the same name and tier again is the one there is.

    Raises ``KnowledgeBaseNotFound`` and ``TooManyDocuments``.
    """
    sha256 = hashlib.sha256(data).digest()
    key = documents.blob_key(knowledge_base_id, sha256)
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
    await context.blobs.put(key, data)
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, DocumentFact)) is not None:
            return kept
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id, lock=True)
        known = await documents.same_file(
            session, knowledge_base_id=knowledge_base_id, file_name=file_name, tier=tier, sha256=sha256
        )
        if known is None:
            if (
                await documents.count(session, knowledge_base_id)
                >= context.settings.knowledge_base_max_documents
            ):
                raise TooManyDocuments("The knowledge base holds as many documents as it may.")
            new = NewDocument(
                id=id,
                knowledge_base_id=knowledge_base_id,
                title=title_of(file_name),
                file_name=file_name,
                imported=False,
                tier=tier,
                status="queued",
                sha256=sha256,
                blob_key=key,
            )
            await documents.add(session, [new])
            await defer(
                session,
                "index_document",
                lock=indexing.index_lock(knowledge_base_id),
                document_id=str(id),
            )
            known = await documents.get(session, knowledge_base_id=knowledge_base_id, document_id=id)
        await keep(session, once, known)
        return known


async def replace_file(
    context: Context,
    *,
    document_id: UUID,
    knowledge_base_id: UUID,
    owner_id: UUID,
    file_name: str,
    data: bytes,
) -> DocumentFact:
    """Another revision of the document, read and searched once it is ready; the same bytes change nothing.

    Raises ``KnowledgeBaseNotFound`` and ``DocumentNotFound``.
    """
    sha256 = hashlib.sha256(data).digest()
    key = documents.blob_key(knowledge_base_id, sha256)
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
    await context.blobs.put(key, data)
    async with context.database.transaction() as session:
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id, lock=True)
        present = await documents.get(session, knowledge_base_id=knowledge_base_id, document_id=document_id)
        if present.status != "failed" and await documents.has_bytes(
            session, document_id=document_id, sha256=sha256
        ):
            return present
        changes = {"file_name": file_name, "sha256": sha256, "blob_key": key, "status": "queued"}
        changed = await documents.change(session, document_id=document_id, changes=changes)
        await defer(
            session,
            "index_document",
            lock=indexing.index_lock(knowledge_base_id),
            document_id=str(document_id),
        )
        return changed
