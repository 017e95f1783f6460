"""Somebody looks at the outline of a knowledge base or of one document, as far as they may see it."""

import asyncio
import time
from uuid import UUID

import structlog

from search.passages.cutting import Passage, cut
from service.answering.model import Model, ModelUnavailable
from service.answering.outlining import Item, write_outline
from service.knowledge import documents, knowledge_bases
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.knowledge.outlining import kept, writing
from service.knowledge.outlining.kept import EXTRACT, Undrawn
from service.knowledge.outlining.mapping import Drawing
from service.knowledge.outlining.nodes import Outline
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.read_knowledge_base import closed_document, decision_of

log = structlog.get_logger(__name__)


async def read_own_outline(
    context: Context, *, knowledge_base_id: UUID, owner_id: UUID, document_id: UUID | None = None
) -> Outline:
    """Of the owner's knowledge base, or of a document of it. Where there is a model, it is set to write what
    it has not written yet; until it has, the outline is an extract.

    Raises ``KnowledgeBaseNotFound`` and ``DocumentNotFound``.
    """
    async with context.database.reading() as connection:
        base = await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        if document_id is not None:
            await documents.get(connection, knowledge_base_id=base.id, document_id=document_id)
    return await _read(context, base, paid=True, document_id=document_id, written=True)


async def read_outline(
    context: Context, *, id_or_slug: str, account_id: UUID | None, document_id: UUID | None = None
) -> Outline:
    """Of what this reader may read: made of free documents alone for who has no more than the free tier.

    Raises ``KnowledgeBaseNotFound``, ``DocumentNotFound``, and ``EntitlementRequired`` with the plans that
    would open the document.
    """
    async with context.database.reading() as connection:
        base = await knowledge_bases.find(connection, id_or_slug)
        decision = await decision_of(connection, base, account_id)
        if document_id is not None:
            found = await documents.get(connection, knowledge_base_id=base.id, document_id=document_id)
            if found.tier == "paid" and decision.tier != "all":
                raise await closed_document(connection, base.id)
    return await _read(context, base, paid=decision.tier == "all", document_id=document_id, written=False)


async def draw_outlines(context: Context, *, knowledge_base_id: str) -> None:
    """The job: draws what has no outline yet, then has the model write, where there is one. A model that is
    unavailable is not waited for: the owner's next look asks again."""
    id = UUID(knowledge_base_id)
    await draw_extracts(context, id)
    if context.model is None:
        return
    while True:
        async with context.database.reading() as connection:
            waiting = await kept.undrawn(connection, id, writer=context.model.name, limit=1)
        if not waiting:
            return
        try:
            drawing = await _written(context, context.model, waiting[0])
        except ModelUnavailable as error:
            log.warning("outline.unwritten", revision_id=str(waiting[0].revision_id), reason=error.reason)
            return
        async with context.database.transaction() as session:
            await kept.keep(session, [(waiting[0], drawing)], writer=context.model.name)


async def draw_extracts(context: Context, knowledge_base_id: UUID) -> None:
    """Draws every outline without a model that is missing: for a job."""
    while await _draw(context, knowledge_base_id, paid=True, document_id=None):
        pass


async def _read(
    context: Context, base: KnowledgeBaseFact, *, paid: bool, document_id: UUID | None, written: bool
) -> Outline:
    """Draws what is missing, as long as the settings allow to wait for it, and leaves the rest to the job."""
    end = time.monotonic() + context.settings.outline_wait_seconds
    more = True
    while more and time.monotonic() < end:
        more = await _draw(context, base.id, paid=paid, document_id=document_id)
    writer = EXTRACT if context.model is None else context.model.name
    async with context.database.reading() as connection:
        if written and not more and writer != EXTRACT:
            more = bool(await kept.undrawn(connection, base.id, writer=writer, limit=1))
        outline = await kept.compose(
            connection,
            base,
            paid=paid,
            writer=writer,
            most_nodes=context.settings.outline_max_nodes,
            document_id=document_id,
        )
    if more:
        async with context.database.transaction() as session:
            name = f"outlines:{base.id}"
            await defer(
                session,
                "draw_outlines",
                lock=name,
                queueing_lock=name,
                priority=-1,
                knowledge_base_id=str(base.id),
            )
    return outline


async def _draw(context: Context, knowledge_base_id: UUID, *, paid: bool, document_id: UUID | None) -> bool:
    """Draws a few of those that are missing; whether there may be more."""
    batch = context.settings.document_batch
    async with context.database.reading() as connection:
        found = await kept.undrawn(
            connection, knowledge_base_id, writer=EXTRACT, paid=paid, document_id=document_id, limit=batch
        )
    drawn = await asyncio.to_thread(lambda: [(one, one.draw()) for one in found])
    async with context.database.transaction() as session:
        await kept.keep(session, drawn, writer=EXTRACT)
    return len(found) == batch


async def _written(context: Context, model: Model, one: Undrawn) -> Drawing:
    """What the model made of it and its text supports; nothing, where that is nothing."""
    limit = context.settings.outline_model_characters
    pieces = await asyncio.to_thread(lambda: writing.spaced(cut(one.text, one.blocks), limit))
    items = await write_outline(model, one.title, [piece.text for piece in pieces]) if pieces else []
    spans = [_span(item, pieces) for item in items]
    return writing.drawing(one, spans)


def _span(item: Item, pieces: list[Passage]) -> writing.Span:
    piece = pieces[item.piece]
    return writing.Span(
        item.topic, item.text, piece.start + item.start, piece.start + item.end, piece.locator
    )
