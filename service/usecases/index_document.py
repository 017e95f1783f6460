"""A document becomes searchable: parsed if it is new, cut into passages, indexed, acknowledged."""

import asyncio
from uuid import UUID

from service.knowledge import documents, indexing, revisions
from service.knowledge.documents import Failure, Waiting
from service.knowledge.parsing.formats import try_parse
from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.revisions import NewRevision
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.embed_passages import embed_soon
from service.usecases.parse_limits import parse_limits


async def index_document(context: Context, *, document_id: str) -> None:
    """The job. Run again, it goes on where it was; a file that cannot be read fails the document."""
    async with context.database.transaction() as session:
        waiting = await documents.begin(session, UUID(document_id))
    if waiting is None or not (waiting.parsed or await _parse(context, waiting)):
        return
    async with context.database.reading() as connection:
        found = await indexing.newest(connection, [waiting.id])
    if not found:
        return
    cut = await asyncio.to_thread(indexing.cut_all, found)
    generation = await context.passages.add(waiting.knowledge_base_id, cut)
    async with context.database.transaction() as session:
        await indexing.acknowledge(
            session,
            knowledge_base_id=waiting.knowledge_base_id,
            generation=generation,
            indexed=indexing.indexed(cut),
            whole=False,
        )
        await embed_soon(context, session, waiting.knowledge_base_id)


async def _parse(context: Context, waiting: Waiting) -> bool:
    """Keeps the document's text as a revision; False when there is none to index."""
    data = await context.blobs.get(waiting.blob_key)
    limits = parse_limits(context.settings)
    outcome = await asyncio.to_thread(try_parse, waiting.file_name, data, limits=limits)
    async with context.database.transaction() as session:
        if isinstance(outcome, UnreadableFile):
            await documents.end_parsing(session, waiting, Failure(outcome.code, outcome.detail))
            return False
        if not await documents.end_parsing(session, waiting, None, note=outcome.note):
            return False
        numbers = await revisions.newest_numbers(session, [waiting.id])
        revision = NewRevision(
            id=new_id(),
            document_id=waiting.id,
            knowledge_base_id=waiting.knowledge_base_id,
            number=numbers.get(waiting.id, 0) + 1,
            file_sha256=waiting.sha256,
            blob_key=waiting.blob_key,
            parsed=outcome,
        )
        await revisions.add_revisions(session, [revision])
    return True
