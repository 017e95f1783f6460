"""Whether a question is answered from what somebody may see: by the path that answers are drawn by."""

from collections.abc import Sequence
from contextlib import aclosing

import structlog

from search.engine.port import EngineUnavailable
from search.passages.scope import AccessScope
from service.access.asking import scope_of
from service.access.decision import Decision
from service.answering.drafting import Citation, Draft, extract, generate
from service.answering.packaging import names_only
from service.answering.phrases import language_of
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.usecases.context import Context
from service.usecases.find_passages import find_passages

log = structlog.get_logger(__name__)


async def scopes_of(context: Context, base: KnowledgeBaseFact) -> tuple[AccessScope, AccessScope]:
    """What its owner may search of a knowledge base, and what anybody may once it is published."""
    async with context.database.reading() as connection:
        owner = await scope_of(connection, [Decision(base.id, "all", "owner")])
        free = await scope_of(connection, [Decision(base.id, "free", "free_tier")])
    return owner, free


async def answer_of(context: Context, scope: AccessScope, question: str) -> list[Citation]:
    """What an answer in this scope cites, worded by the model if there is one; empty if it is refused.

    Raises ``EngineUnavailable`` and ``ModelUnavailable``.
    """
    hits = await find_passages(context, scope, question, limit=context.settings.answer_passages)
    draft = Draft()
    if context.model is None:
        limit = context.settings.extract_max_sentences
        list(extract(draft, question, hits, language=language_of(question), limit=limit))
        return draft.citations
    async with aclosing(generate(draft, question, hits, model=context.model, earlier=None)) as pieces:
        async for _ in pieces:
            pass
    return draft.citations


async def open_in(context: Context, scope: AccessScope, question: str, *, named: bool) -> bool:
    """Whether these texts answer the question word for word and, if ``named``, hold all that it names.

    No model is asked: a page is looked at more often than a question is put. Raises ``EngineUnavailable``.
    """
    hits = await find_passages(context, scope, question, limit=context.settings.answer_passages)
    draft = Draft()
    list(extract(draft, question, hits, language=language_of(question), limit=1))
    if not draft.citations:
        return False
    return not named or names_only(question, [f"{hit.title}\n{hit.text}" for hit in hits])


async def shown_questions(
    context: Context, questions: Sequence[str], scope: AccessScope, *, whole: bool
) -> list[str]:
    """Those of a knowledge base's sample questions that this looker would be answered.

    To who sees less than the ``whole``, a question is shown only if their own texts also hold what it names:
    the page is what it would be if the rest did not exist. None are shown while search is away.
    """
    try:
        return [one for one in questions if await open_in(context, scope, one, named=not whole)]
    except EngineUnavailable:
        log.warning("sample_questions.unchecked")
        return []
