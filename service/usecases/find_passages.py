"""Finds passages in a scope that the gate gave, and checks each against the stored text."""

from search.engine.port import EngineUnavailable, PassageHit
from search.passages.scope import AccessScope
from service.answering.drafting import verified
from service.knowledge.revisions import RevisionNotFound, read_spans
from service.usecases.context import Context


async def find_passages(context: Context, scope: AccessScope, query: str, *, limit: int) -> list[PassageHit]:
    """The best passages, best first; each is word for word in its revision.

    Raises ``EngineUnavailable``, also for an index that is out of step with the stored texts.
    """
    hits = await context.passages.search(scope, query, limit=limit)
    if not hits:
        return []
    async with context.database.reading() as connection:
        try:
            stored = await read_spans(connection, [(hit.revision_id, hit.start, hit.end) for hit in hits])
        except RevisionNotFound as error:
            raise EngineUnavailable("The index is out of step with the texts; try again.") from error
    return verified(hits, stored)
