"""Finds passages in a scope that the gate gave, and checks each against the stored text."""

import asyncio
from collections.abc import Sequence

import structlog

from search.engine.port import EngineUnavailable, PassageHit
from search.passages.embedder import EmbedderUnavailable
from search.passages.fusion import fuse, key_of, reordered
from search.passages.question import analyse
from search.passages.reranker import RerankerUnavailable
from search.passages.scope import AccessScope
from service.answering.drafting import verified
from service.knowledge import vectors
from service.knowledge.revisions import RevisionNotFound, read_spans
from service.usecases.context import Context

log = structlog.get_logger(__name__)


async def find_passages(context: Context, scope: AccessScope, query: str, *, limit: int) -> list[PassageHit]:
    """The best passages, best first; each is word for word in its revision.

    By words, with an embedder by meaning as well, and with a reranker in the order that it says; while one of
    these is away, without it. Raises ``EngineUnavailable``, also for an index that is out of step with the
    stored texts.
    """
    wider = context.embedder is not None or context.reranker is not None
    wanted = max(limit, context.settings.fusion_candidates) if wider else limit
    asked = asyncio.create_task(_asked(context, query))
    try:
        by_words = await context.passages.search(scope, query, limit=wanted)
        vector = await asked
    finally:
        asked.cancel()
    hits = await _fused(context, scope, query, by_words, vector) if vector else by_words
    if not hits:
        return []
    async with context.database.reading() as connection:
        try:
            stored = await read_spans(connection, [key_of(hit) for hit in hits])
        except RevisionNotFound as error:
            raise EngineUnavailable("The index is out of step with the texts; try again.") from error
    hits = verified(hits, stored)
    return (await _reranked(context, query, hits, by_words))[:limit]


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
