"""A creator puts a knowledge base before readers, or takes it back."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from service.knowledge import knowledge_bases
from service.knowledge.cards import card_changed
from service.knowledge.changes import record
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.outgoing.events import announce
from service.platform.idempotency import Once, claim, keep
from service.platform.jobs import defer
from service.usecases.context import Context


async def publish_knowledge_base(
    context: Context, *, id: UUID, owner_id: UUID, rights_declared: bool, once: Once | None
) -> KnowledgeBaseFact:
    """On the square within two seconds, if it is public. Documents may still be on their way.

    Raises ``KnowledgeBaseNotFound`` and ``RightsNotDeclared``.
    """
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, KnowledgeBaseFact)) is not None:
            return kept
        await knowledge_bases.get_owned(session, id=id, owner_id=owner_id, lock=True)
        published = await knowledge_bases.publish(session, id=id, rights_declared=rights_declared)
        await record(session, id, None)
        await card_changed(session, id)
        await _tell(session, "knowledge_base.published", published)
        await keep(session, once, published)
        return published


async def unpublish_knowledge_base(
    context: Context, *, id: UUID, owner_id: UUID, once: Once | None
) -> KnowledgeBaseFact:
    """Ends sales; paid periods run out. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, KnowledgeBaseFact)) is not None:
            return kept
        await knowledge_bases.get_owned(session, id=id, owner_id=owner_id, lock=True)
        taken_back = await knowledge_bases.unpublish(session, id=id)
        await card_changed(session, id)
        await defer(session, "end_renewals", knowledge_base_id=str(id))
        await _tell(session, "knowledge_base.unpublished", taken_back)
        await keep(session, once, taken_back)
        return taken_back


async def _tell(session: AsyncSession, type: str, base: KnowledgeBaseFact) -> None:
    await announce(
        session,
        type,
        account_id=base.owner_id,
        object_id=base.id,
        data={"id": base.id, "slug": base.slug, "status": base.status, "visibility": base.visibility},
    )
