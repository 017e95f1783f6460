"""A reader looks at a knowledge base, or reads a document of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.entitlements.holding import LiveSource, live_sources
from billing.plans.catalog import PlanFact, plans_of
from search.passages.hits import EditionLink
from service.access.admission import EntitlementRequired
from service.access.asking import decide_for_account, free_questions_left, scope_of
from service.access.decision import Decision
from service.knowledge import documents, knowledge_bases, revisions
from service.knowledge.changes import views_told
from service.knowledge.documents import DocumentFact, Tier
from service.knowledge.edition_links import Editions
from service.knowledge.editions import editions_of
from service.knowledge.knowledge_bases import KnowledgeBaseFact, KnowledgeBaseNotFound
from service.knowledge.square import Creator
from service.usecases.context import Context
from service.usecases.index_card import suspended
from service.usecases.record_read import record_read
from service.usecases.sample_questions import shown_questions
from service.usecases.search_square import DocumentCounts, cards_of

FREE_DOCUMENTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """A document as a reader sees it in a list; ``edition`` is its date or version, ``superseded_by`` the
    newest edition of the same work that this reader may open."""

    id: UUID
    title: str
    tier: Tier
    revision_id: UUID | None
    edition: str | None = None
    superseded_by: EditionLink | None = None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What the asker may see: ``all``, the ``free`` tier, or nothing; why, and until when if it ends.

    ``sources`` is everything that opens the paid tier now; any of it is enough, and ``why`` names what lasts
    longest. ``free_questions_remaining`` is of this month, None for nobody signed in.
    """

    tier: str | None
    why: str
    until: datetime | None
    sources: list[LiveSource]
    free_questions_remaining: int | None


@dataclass(frozen=True, slots=True)
class KnowledgeBasePage:
    """A card with the first free documents and the asker's entitlement."""

    id: UUID
    slug: str
    title: str
    summary: str
    creator: Creator
    category: str
    tags: list[str]
    language: str
    visibility: str
    status: str
    plans: list[PlanFact]
    free_questions: int
    documents: DocumentCounts
    free_documents: list[Listed]
    entitlement: Entitlement
    published_at: datetime | None
    tagline: str = ""
    sample_questions: list[str] = field(default_factory=list)
    """Those that this reader would be answered."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a block of a text begins, in code points, and how a person is led there."""

    start: int
    locator: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """A revision of a document, whole; ``anchors`` point into ``text`` by code points.

    ``superseded_by`` and ``supersedes`` are other editions of the same work, as far as this reader may open
    them; ``newer_revision_id`` is the document's own text by now, where an earlier one was asked for.
    """

    id: UUID
    knowledge_base_id: UUID
    revision_id: UUID
    title: str
    tier: Tier
    text: str
    anchors: list[Anchor]
    newer_revision_id: UUID | None = None
    edition: str | None = None
    superseded_by: EditionLink | None = None
    supersedes: list[EditionLink] = field(default_factory=list)


async def read_knowledge_base(
    context: Context, *, id_or_slug: str, account_id: UUID | None
) -> KnowledgeBasePage:
    """Raises ``KnowledgeBaseNotFound``, also for what this reader may not know of."""
    async with context.database.reading() as connection:
        base = await knowledge_bases.find(connection, id_or_slug)
        decision = await decision_of(connection, base, account_id)
        entitlement = await _entitlement(connection, base, decision, account_id)
        cards = await cards_of(connection, [base.id])
        free = await documents.list_readable(
            connection, knowledge_base_id=base.id, paid=False, limit=FREE_DOCUMENTS_SHOWN
        )
        listed = await _listed(connection, base.id, free, paid=decision.tier == "all")
        scope = await scope_of(connection, [decision])
    questions = await shown_questions(context, base.sample_questions, scope, whole=decision.tier == "all")
    card = cards[base.id]
    return KnowledgeBasePage(
        id=card.id,
        slug=card.slug,
        title=card.title,
        summary=card.summary,
        creator=card.creator,
        category=card.category,
        tags=card.tags,
        language=card.language,
        visibility=base.visibility,
        status=base.status,
        plans=card.plans,
        free_questions=card.free_questions,
        documents=card.documents,
        free_documents=listed,
        entitlement=entitlement,
        published_at=card.published_at,
        tagline=card.tagline,
        sample_questions=questions,
    )


async def list_readable_documents(
    context: Context, *, id_or_slug: str, account_id: UUID | None, after: UUID | None, limit: int
) -> list[Listed]:
    """The documents this reader may open, in the order they came. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.reading() as connection:
        base = await knowledge_bases.find(connection, id_or_slug)
        decision = await decision_of(connection, base, account_id)
        found = await documents.list_readable(
            connection,
            knowledge_base_id=base.id,
            paid=decision.tier == "all",
            after=after,
            limit=limit,
        )
        return await _listed(connection, base.id, found, paid=decision.tier == "all")


async def _listed(
    connection: AsyncConnection, knowledge_base_id: UUID, found: Sequence[DocumentFact], *, paid: bool
) -> list[Listed]:
    ids = [item.id for item in found]
    known = await editions_of(connection, knowledge_base_id=knowledge_base_id, document_ids=ids, paid=paid)
    return [
        Listed(
            item.id,
            item.title,
            item.tier,
            item.revision_id,
            item.edition,
            known.get(item.id, Editions("")).superseded_by,
        )
        for item in found
    ]


async def read_document(
    context: Context,
    *,
    knowledge_base: str,
    document_id: UUID,
    revision_id: UUID | None,
    account_id: UUID | None,
    network: str | None = None,
) -> DocumentPage:
    """A document's text, or that of an earlier revision of it which an answer once cited.

    Who has no more than the free tier counts as a reader of the base's month, by account or ``network``.
    Raises ``KnowledgeBaseNotFound``, ``DocumentNotFound``, ``RevisionNotFound``, and ``EntitlementRequired``
    with the plans that would open it.
    """
    async with context.database.reading() as connection:
        base = await knowledge_bases.find(connection, knowledge_base)
        decision = await decision_of(connection, base, account_id)
        found = await documents.get(connection, knowledge_base_id=base.id, document_id=document_id)
        if found.tier == "paid" and decision.tier != "all":
            raise await closed_document(connection, base.id)
        if revision_id is not None and decision.tier != "all":
            await _once_open(connection, found.id, revision_id)
        revision = await revisions.get_revision(connection, document_id=document_id, revision_id=revision_id)
        editions = await editions_of(
            connection, knowledge_base_id=base.id, document_ids=[found.id], paid=decision.tier == "all"
        )
    if decision.why == "free_tier":
        await record_read(context, knowledge_base_ids=[base.id], account_id=account_id, network=network)
    known = editions.get(found.id, Editions(""))
    return DocumentPage(
        id=found.id,
        knowledge_base_id=base.id,
        revision_id=revision.id,
        title=found.title,
        tier=found.tier,
        text=revision.text,
        anchors=[Anchor(block.start, block.locator) for block in revision.blocks],
        newer_revision_id=found.revision_id if found.revision_id != revision.id else None,
        edition=found.edition,
        superseded_by=known.superseded_by,
        supersedes=known.supersedes,
    )


async def _once_open(connection: AsyncConnection, document_id: UUID, revision_id: UUID) -> None:
    """What a document said only while it was paid does not open with its later, free text."""
    told = await views_told(connection, document_id=document_id, revision_id=revision_id)
    if "all" in told and "free" not in told:
        raise revisions.RevisionNotFound("There is no such revision of this document.")


async def closed_document(connection: AsyncConnection, knowledge_base_id: UUID) -> EntitlementRequired:
    """What a reader is told of a document that is not open to them, with the plans that would open it."""
    plans = await plans_of(connection, [knowledge_base_id])
    refusal = EntitlementRequired((knowledge_base_id,))
    refusal.extensions = {"plans": plans.get(knowledge_base_id, [])}
    return refusal


async def _entitlement(
    connection: AsyncConnection, base: KnowledgeBaseFact, decision: Decision, account_id: UUID | None
) -> Entitlement:
    sources, remaining = [], None
    if account_id is not None:
        sources = await live_sources(connection, account_id=account_id, knowledge_base_id=base.id)
        remaining = await free_questions_left(
            connection, account_id=account_id, knowledge_base_id=base.id, allowed=base.free_questions
        )
    return Entitlement(decision.tier, decision.why, decision.until, sources, remaining)


async def decision_of(
    connection: AsyncConnection, base: KnowledgeBaseFact, account_id: UUID | None
) -> Decision:
    """What the account may see. Raises ``KnowledgeBaseNotFound`` when it may not know of the base.

    A suspended creator's is hidden from all but themselves and those with a grant of their own.
    """
    decision = (await decide_for_account(connection, account_id, [base.id])).get(base.id)
    if decision is None or (decision.why == "free_tier" and await suspended(connection, [base.owner_id])):
        raise KnowledgeBaseNotFound("There is no such knowledge base.")
    return decision
