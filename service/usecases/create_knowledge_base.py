"""A creator makes a knowledge base: a draft, seen by nobody else yet."""

from collections.abc import Sequence
from uuid import UUID

from billing.money import Money
from service.knowledge import knowledge_bases
from service.knowledge.knowledge_bases import KnowledgeBaseFact, Visibility
from service.platform.idempotency import Once, claim, keep
from service.usecases.context import Context


async def create_knowledge_base(
    context: Context,
    *,
    id: UUID,
    owner_id: UUID,
    title: str,
    summary: str,
    category: str,
    tags: Sequence[str],
    language: str,
    visibility: Visibility,
    free_questions: int,
    api_access: bool,
    api_price: Money | None,
    once: Once | None,
) -> KnowledgeBaseFact:
    """``free_questions`` are a month and account, ``api_price`` is for each metered call, on top."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, KnowledgeBaseFact)) is not None:
            return kept
        made = await knowledge_bases.create(
            session,
            id=id,
            owner_id=owner_id,
            title=title,
            summary=summary,
            category=category,
            tags=tags,
            language=language,
            visibility=visibility,
            free_questions=free_questions,
            api_access=api_access,
            api_price=api_price,
        )
        await keep(session, once, made)
        return made
