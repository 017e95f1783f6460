"""Finds passages in a scope that the gate gave, and checks each against the stored text."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from search.engine.port import EngineUnavailable, PassageHit
from search.passages.editions import is_named
from search.passages.embedder import EmbedderUnavailable
from search.passages.fusion import fuse, key_of, reordered
from search.passages.joining import adjoining, gaps, joined, text_of, varied
from search.passages.question import analyse
from search.passages.ranking import OLDER
from search.passages.reranker import RerankerUnavailable
from search.passages.scope import AccessScope
from search.text import fold
from service.answering.drafting import verified
from service.knowledge import vectors
from service.knowledge.edition_links import Editions
from service.knowledge.editions import ask_editions, read_editions
from service.knowledge.revisions import RevisionNotFound, ask_spans, read_spans
from service.platform.driver import driver_connection
from service.usecases.context import Context

log = structlog.get_logger(__name__)

Span = tuple[UUID, int, int]
"""A revision, and start and end in its text."""


async def find_passages(context: Context, scope: AccessScope, query: str, *, limit: int) -> list[PassageHit]:
    """The best passages, best first; each is word for word in its revision, and names the newest edition in
    scope that supersedes its document. Neighbours that adjoin are one passage, and no document has more than
    ``passages_of_document`` while others have some that are nearly as good.

    By words, with an embedder by meaning as well, and with a reranker in the order that it says; while one of
    these is away, without it. Raises ``EngineUnavailable``, also for an index that is out of step with the
    stored texts.
    """
    wider = context.embedder is not None or context.reranker is not None
    wanted = limit + context.settings.passages_spare
    if wider:
        wanted = max(wanted, context.settings.fusion_candidates)
    asked = asyncio.create_task(_asked(context, query))
    try:
        by_words = await context.passages.search(scope, query, limit=wanted)
        vector = await asked
    finally:
        asked.cancel()
    hits = await _fused(context, scope, query, by_words, vector) if vector else by_words
    if not hits:
        return []
    stored, between, editions = await _read(context, scope, hits)
    hits = _with_editions(query, verified(hits, stored), editions)
    hits = _joined(context, (await _reranked(context, query, hits, by_words))[:wanted], between)
    return varied(hits, limit=limit, of_document=context.settings.passages_of_document)


async def _read(
    context: Context, scope: AccessScope, hits: Sequence[PassageHit]
) -> tuple[list[str], dict[Span, str], dict[UUID, Editions]]:
    """In one round trip: the text that is stored of each hit, what lies between neighbours, and which of the
    documents are editions of a work."""
    between = gaps(hits)
    views = {view.knowledge_base_id: view.tier == "all" for view in scope.views}
    documents = {hit.document_id for hit in hits}
    async with context.database.reading() as connection:
        driver = await driver_connection(connection)
        async with driver.pipeline():
            spans = await ask_spans(driver, [*map(key_of, hits), *between])
            works = await ask_editions(driver, views=views, document_ids=documents)
        try:
            texts = await read_spans(spans)
        except RevisionNotFound as error:
            raise EngineUnavailable("The index is out of step with the texts; try again.") from error
        editions = await read_editions(works, documents)
    return texts[: len(hits)], dict(zip(between, texts[len(hits) :], strict=True)), editions


def _joined(context: Context, hits: list[PassageHit], between: Mapping[Span, str]) -> list[PassageHit]:
    groups = adjoining(hits, largest=context.settings.joined_passage_size)
    if all(len(group) == 1 for group in groups):
        return hits
    made = [joined(group, text_of(group, between)) if len(group) > 1 else group for group in groups]
    return sorted((hit for members in made for hit in members), key=lambda hit: -hit.score)


def _with_editions(query: str, hits: list[PassageHit], editions: Mapping[UUID, Editions]) -> list[PassageHit]:
    """The superseded ones marked. Where the newer edition is not among the hits, it was not there to be
    preferred: the older then loses what it would have lost beside it, unless the query names its year."""
    found = {hit.document_id for hit in hits}
    if not any(id in found and known.superseded_by for id, known in editions.items()):
        return hits
    folded = fold(query)

    def marked(hit: PassageHit) -> PassageHit:
        known = editions.get(hit.document_id)
        if known is None or known.superseded_by is None:
            return hit
        beside = known.superseded_by.document_id in found or is_named(known.edition, folded)
        return replace(
            hit, superseded_by=known.superseded_by, score=hit.score if beside else hit.score - OLDER
        )

    return sorted(map(marked, hits), key=lambda hit: -hit.score)


async def _asked(context: Context, query: str) -> list[float] | None:
    """The vector of the question; ``None`` where there is no embedder, it is away, or nothing is asked."""
    if context.embedder is None or not analyse(query).terms:
        return None
    try:
        (vector,) = await context.embedder.embed([query], seconds=context.settings.embedding_query_seconds)
    except EmbedderUnavailable:
        return None
    return vector


async def _fused(
    context: Context, scope: AccessScope, query: str, by_words: list[PassageHit], vector: list[float]
) -> list[PassageHit]:
    """By words alone where the vectors cannot be compared in time."""
    if context.embedder is None:
        return by_words
    try:
        async with asyncio.timeout(context.settings.embedding_compare_seconds):
            async with context.database.reading() as connection:
                near = await vectors.nearest(
                    connection,
                    scope,
                    vector,
                    model=context.embedder.name,
                    also=[key_of(hit) for hit in by_words],
                    limit=context.settings.fusion_candidates,
                )
    except TimeoutError:
        log.warning("vectors.slow", seconds=context.settings.embedding_compare_seconds)
        return by_words
    return fuse(query, by_words, near.hits, near.cosines)


async def _reranked(
    context: Context, query: str, hits: list[PassageHit], by_words: Sequence[PassageHit]
) -> list[PassageHit]:
    most = context.settings.rerank_passages
    if context.reranker is None or len(hits) < 2:
        return hits
    try:
        order = await context.reranker.rerank(query, [hit.text for hit in hits[:most]])
    except RerankerUnavailable:
        return hits
    return reordered(hits[:most], order, by_words) + hits[most:]
