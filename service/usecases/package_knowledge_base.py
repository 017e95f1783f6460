"""A creator has a face suggested for a knowledge base: asked for by a call, made by a job."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from search.engine.port import EngineUnavailable
from search.text import fold
from service.answering.model import Model, ModelUnavailable
from service.answering.packaging import Worded, ask_about, word_packaging
from service.knowledge import knowledge_bases
from service.knowledge.documents import Tier
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.knowledge.outlining.kept import EXTRACT, compose
from service.knowledge.packaging import kept
from service.knowledge.packaging.kept import Draft, DraftQuestion, NothingToPackage, PackagingFact
from service.knowledge.packaging.suggesting import (
    Material,
    Source,
    Suggested,
    SuggestedQuestion,
    Suggestion,
    of_sources,
    suggest,
    topics,
)
from service.platform.idempotency import Once, claim, keep
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.read_outline import draw_extracts
from service.usecases.sample_questions import answer_of, open_in, scopes_of

log = structlog.get_logger(__name__)

PIECE_CHARACTERS = 800
"""Of a text's beginning, as one piece before the model."""


async def request_packaging(
    context: Context, *, knowledge_base_id: UUID, owner_id: UUID, once: Once | None
) -> PackagingFact:
    """A suggestion is made soon, in the place of the last one and of what was edited of it.

    Raises ``KnowledgeBaseNotFound`` and ``NothingToPackage``.
    """
    async with context.database.transaction() as session:
        if (done := await claim(session, once, PackagingFact)) is not None:
            return done
        base = await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id, lock=True)
        if not base.free_documents and not base.paid_documents:
            raise NothingToPackage("No document of this knowledge base is ready.")
        requested = await kept.request(session, base.id)
        name = f"packaging:{base.id}"
        await defer(
            session, "suggest_packaging", lock=name, queueing_lock=name, knowledge_base_id=str(base.id)
        )
        await keep(session, once, requested)
        return requested


async def suggest_packaging(context: Context, *, knowledge_base_id: str) -> None:
    """The job. A model that is unavailable leaves the extract; without search nothing can be suggested, for
    no question could be tried."""
    id = UUID(knowledge_base_id)
    async with context.database.reading() as connection:
        base = (await knowledge_bases.get_many(connection, [id])).get(id)
    if base is None:
        return
    try:
        suggestion, written_by = await _suggested(context, base)
    except EngineUnavailable:
        async with context.database.transaction() as session:
            await kept.write(session, id, {"status": "failed", "reason": "search_unavailable"})
        return
    draft = _draft(base, suggestion)
    async with context.database.transaction() as session:
        await kept.finish(session, id, suggestion=suggestion, draft=draft, written_by=written_by)


async def _suggested(context: Context, base: KnowledgeBaseFact) -> tuple[Suggestion, str]:
    material = await _material(context, base)
    suggestion = await asyncio.to_thread(suggest, material)
    asked = await asyncio.to_thread(topics, material, most=context.settings.packaging_candidates)
    questions = [ask_about(topic, text, base.language) for topic, text in asked]
    written_by = EXTRACT
    if context.model is not None:
        try:
            suggestion, own = await _worded(context, context.model, material, suggestion)
            tried = [*own, *questions][: context.settings.packaging_candidates]
            answered = await _answered(context, base, tried)
            return replace(suggestion, sample_questions=answered), context.model.name
        except ModelUnavailable as error:
            log.warning("packaging.unworded", knowledge_base_id=str(base.id), reason=error.reason)
            context = replace(context, model=None)
            suggestion = await asyncio.to_thread(suggest, material)
    answered = await _answered(context, base, questions)
    return replace(suggestion, sample_questions=answered), written_by


async def _material(context: Context, base: KnowledgeBaseFact) -> Material:
    await draw_extracts(context, base.id)
    settings = context.settings
    async with context.database.reading() as connection:
        outlines = [
            await compose(connection, base, paid=paid, writer=EXTRACT, most_nodes=settings.outline_max_nodes)
            for paid in (False, True)
        ]
        return await kept.gather(
            connection,
            base,
            outlines,
            most_documents=settings.packaging_documents,
            most_characters=settings.packaging_characters,
        )


async def _answered(
    context: Context, base: KnowledgeBaseFact, questions: Sequence[str]
) -> list[SuggestedQuestion]:
    """The first few that are answered, no two by the same words."""
    owner, free = await scopes_of(context, base)
    found: list[SuggestedQuestion] = []
    cited: set[tuple[UUID, int]] = set()
    tiers: dict[UUID, Tier] = {}
    for question in questions:
        if len(found) == context.settings.packaging_sample_questions:
            break
        citations = await answer_of(context, owner, question)
        if not citations or {(one.revision_id, one.start) for one in citations[:1]} <= cited:
            continue
        cited |= {(one.revision_id, one.start) for one in citations}
        async with context.database.reading() as connection:
            tiers |= await kept.tiers_of(connection, [one.document_id for one in citations])
        sources = [
            Source(one.document_id, one.revision_id, one.start, one.end, tiers[one.document_id])
            for one in citations
        ]
        open_to_all = await open_in(context, free, question, named=True)
        found.append(SuggestedQuestion(question, sources, open_to_all))
    return found


async def _worded(
    context: Context, model: Model, material: Material, extract: Suggestion
) -> tuple[Suggestion, list[str]]:
    """What the model makes of it, the extract where it makes nothing; and the questions it would ask."""
    pieces = [(one.text, one.source) for one in material.sentences]
    pieces += [
        (text.text[:PIECE_CHARACTERS], text.source(0, min(PIECE_CHARACTERS, len(text.text))))
        for text in material.texts
    ]
    left, given = context.settings.packaging_model_characters, []
    for text, source in pieces:
        if (left := left - len(text)) < 0:
            break
        given.append((text, source))
    worded = await word_packaging(model, [text for text, _ in given], sorted(material.categories))

    def sources(one: Worded) -> list[Source]:
        of = [(given[quote.passage][1], quote) for quote in one.quotes]
        return [replace(s, start=s.start + quote.start, end=s.start + quote.end) for s, quote in of]

    made: dict[str, list[Suggested]] = {}
    for one in worded:
        made.setdefault(one.kind, []).append(of_sources(one.text, sources(one)))
    summary = made.get("summary", [])
    gap = "" if all(one.value.endswith(("。", "！", "？")) for one in summary) else " "
    joined = of_sources(gap.join(one.value for one in summary), [s for one in summary for s in one.sources])
    suggestion = replace(
        extract,
        title=made.get("title", [extract.title])[0],
        tagline=made.get("tagline", [extract.tagline])[0],
        summary=joined if summary else extract.summary,
        category=made.get("category", [extract.category])[0],
        tags=list({fold(tag.value): tag for tag in made.get("tag", extract.tags)}.values()),
    )
    return suggestion, [one.value for one in made.get("question", [])]


def _draft(base: KnowledgeBaseFact, suggestion: Suggestion) -> Draft:
    """What the owner begins with: the suggestion, and where there is none, what they had."""

    def value(suggested: Suggested | None, had: str) -> str:
        return had if suggested is None else suggested.value

    return Draft(
        title=value(suggestion.title, base.title),
        tagline=value(suggestion.tagline, base.tagline),
        summary=value(suggestion.summary, base.summary),
        category=value(suggestion.category, base.category),
        tags=[tag.value for tag in suggestion.tags] or base.tags,
        sample_questions=[
            DraftQuestion(one.question, one.free_answer) for one in suggestion.sample_questions
        ],
    )
