"""A knowledge base's index is built anew from its revisions, or dropped with it."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from search.engine.port import IndexDocument
from service.knowledge import indexing, knowledge_bases, vectors
from service.knowledge.cards import CARDS_LOCK
from service.knowledge.indexing import Indexed
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.embed_passages import embed_soon


async def rebuild_index(context: Context, *, knowledge_base_id: str) -> None:
    """The job: built beside the index in use, then swapped; lifts the exclusions it makes needless."""
    id = UUID(knowledge_base_id)
    indexed: list[Indexed] = []

    async def documents() -> AsyncIterator[IndexDocument]:
        after: UUID | None = None
        while True:
            async with context.database.reading() as connection:
                batch = await indexing.current(
                    connection, id, after=after, limit=context.settings.document_batch
                )
            if not batch:
                return
            after = batch[-1].document_id
            cut = await asyncio.to_thread(indexing.cut_all, batch)
            indexed.extend(indexing.indexed(cut))
            for document in cut:
                yield document

    async with context.database.reading() as connection:
        if id not in await knowledge_bases.get_many(connection, [id]):
            return
    generation = await context.passages.rebuild(id, documents())
    async with context.database.transaction() as session:
        await indexing.acknowledge(
            session, knowledge_base_id=id, generation=generation, indexed=indexed, whole=True
        )
        await vectors.forget_stale(session, id, model=None)
        await embed_soon(context, session, id)


async def drop_index(context: Context, *, knowledge_base_id: str) -> None:
    """The job that follows a deletion."""
    await context.passages.drop(UUID(knowledge_base_id))
    async with context.database.transaction() as session:
        await vectors.forget_all(session, UUID(knowledge_base_id))


async def reindex(context: Context, *, knowledge_base: str | None) -> int:
    """Has the index of one (by id or slug) or of every knowledge base rebuilt, and for all the square too.

    The worker does it; returns how many indexes were asked for. Raises ``KnowledgeBaseNotFound``.
    """
    async with context.database.transaction() as session:
        if knowledge_base is not None:
            wanted = [(await knowledge_bases.find(session, knowledge_base)).id]
        else:
            wanted = await knowledge_bases.ids(session)
            await defer(session, "rebuild_cards", lock=CARDS_LOCK, queueing_lock="rebuild_cards")
        for id in wanted:
            await indexing.rebuild_soon(session, id)
        return len(wanted)
