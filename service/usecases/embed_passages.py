"""What passages mean is worked out after they were indexed, in the background."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from search.passages.cutting import Passage
from search.passages.embedder import Embedder, EmbedderUnavailable, TextsRefused
from service.knowledge import indexing, knowledge_bases, vectors
from service.knowledge.vectors import Owner
from service.platform.jobs import defer
from service.usecases.context import Context


async def embed_soon(context: Context, session: AsyncSession, knowledge_base_id: UUID) -> None:
    """Has what is new embedded once the transaction commits; nothing without an embedder."""
    if context.embedder is not None:
        name = f"embed:{knowledge_base_id}"
        await defer(
            session,
            "embed_passages",
            lock=name,
            queueing_lock=name,
            priority=-1,
            knowledge_base_id=str(knowledge_base_id),
        )


async def embed_passages(context: Context, *, knowledge_base_id: str) -> None:
    """The job: gives every passage that readers are shown a vector of the model in use, and forgets the
    others. Stopped anywhere it goes on there; until it is done, passages without one are found by words.

    Raises ``EmbedderUnavailable``, to be tried again later.
    """
    id, embedder = UUID(knowledge_base_id), context.embedder
    async with context.database.transaction() as session:
        if id not in await knowledge_bases.get_many(session, [id]):
            await vectors.forget_all(session, id)
            return
        await vectors.forget_stale(session, id, model=None if embedder is None else embedder.name)
    after: UUID | None = None
    batch = context.settings.document_batch
    while embedder is not None:
        async with context.database.reading() as connection:
            waiting = await vectors.owners(connection, id, model=embedder.name, after=after, limit=batch)
        if not waiting:
            return
        for owner in waiting:
            await _embed(context, embedder, owner)
        after = waiting[-1].document_id


async def _embed(context: Context, embedder: Embedder, owner: Owner) -> None:
    """From the last passage to the first: once that one has a vector, all have."""
    async with context.database.reading() as connection:
        found = await indexing.current_of(connection, owner.document_id, owner.revision_id)
    if found is None:
        return
    passages = (await asyncio.to_thread(found.cut)).passages
    left = list(enumerate(passages))[: owner.first]
    while left:
        left, batch = left[: -context.settings.embedding_batch], left[-context.settings.embedding_batch :]
        made = await _vectors(context, embedder, [_text(found.title, passage) for _, passage in batch])
        async with context.database.transaction() as session:
            if not await indexing.is_current(session, owner.document_id, owner.revision_id):
                return
            rows = [(place, passage, vector) for (place, passage), vector in zip(batch, made, strict=True)]
            await vectors.keep(session, owner, rows, model=embedder.name)


async def _vectors(context: Context, embedder: Embedder, texts: Sequence[str]) -> list[list[float]]:
    """One for each text; an empty one for a text that is refused while another is taken."""
    seconds = context.settings.embedding_batch_seconds
    try:
        return await embedder.embed(texts, seconds=seconds)
    except TextsRefused:
        if len(texts) == 1:
            raise
    made: list[list[float]] = []
    for text in texts:
        try:
            made += await embedder.embed([text], seconds=seconds)
        except TextsRefused:
            made.append([])
    if not any(made):
        raise EmbedderUnavailable("The embedder refuses every text.")
    return made


def _text(title: str, passage: Passage) -> str:
    """A passage as it is embedded: under its headings, which its own text does not repeat."""
    above = [title, *map(str, passage.locator.get("heading_path") or [])]
    return "\n".join([" > ".join(above), passage.text])
