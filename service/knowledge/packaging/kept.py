"""Suggestions kept: one of a knowledge base, with the draft its owner makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.knowledge.documents import Tier
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.knowledge.outlining.nodes import Outline
from service.knowledge.packaging.suggesting import Material, Sentence, Source, Suggestion, Text
from service.knowledge.revisions import ask_spans, read_spans
from service.knowledge.tables import document, knowledge_base, packaging, revision
from service.platform.driver import driver_connection

CATEGORIES = 500
"""Knowledge bases of the square, the newest, whose categories are known."""


class PackagingNotFound(Exception):
    """Nothing was suggested for this knowledge base yet."""


class PackagingUnfinished(Exception):
    """The suggestion is still being made, or could not be."""


class NothingToPackage(Exception):
    """No document of the knowledge base is ready."""


@dataclass(frozen=True, slots=True)
class DraftQuestion:
    """``free_answer``: when it was written, the free texts alone answered it: shown to who sees no more."""

    question: str
    free_answer: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """The suggestion as its owner has edited it; what is applied."""

    title: str
    tagline: str
    summary: str
    category: str
    tags: list[str]
    sample_questions: list[DraftQuestion]


@dataclass(frozen=True, slots=True)
class PackagingFact:
    """``written_by`` is ``extract`` where no model took part, else its name; ``reason`` why it failed."""

    knowledge_base_id: UUID
    status: Literal["queued", "ready", "failed"]
    reason: str | None
    written_by: str | None
    suggestion: Suggestion | None
    draft: Draft | None
    requested_at: datetime
    applied_at: datetime | None


async def request(session: AsyncSession, knowledge_base_id: UUID) -> PackagingFact:
    """A suggestion is to be made, in the place of the one before."""
    anew = {"status": "queued", "reason": None, "written_by": None, "suggestion": None, "draft": None}
    values = {**anew, "requested_at": sa.func.zhihao_now(), "applied_at": None}
    statement = (
        postgresql.insert(packaging)
        .values(knowledge_base_id=knowledge_base_id, **values)
        .on_conflict_do_update(index_elements=["knowledge_base_id"], set_=values)
        .returning(packaging)
    )
    return _fact((await session.execute(statement)).one())


async def get(session: AsyncSession | AsyncConnection, knowledge_base_id: UUID) -> PackagingFact:
    """Raises ``PackagingNotFound``."""
    query = sa.select(packaging).where(packaging.c.knowledge_base_id == knowledge_base_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise PackagingNotFound("Nothing was suggested for this knowledge base yet.")
    return _fact(row)


async def get_ready(session: AsyncSession | AsyncConnection, knowledge_base_id: UUID) -> Draft:
    """The draft. Raises ``PackagingNotFound`` and ``PackagingUnfinished``."""
    found = await get(session, knowledge_base_id)
    if found.draft is None:
        raise PackagingUnfinished("The suggestion is not ready.")
    return found.draft


async def finish(
    session: AsyncSession, knowledge_base_id: UUID, *, suggestion: Suggestion, draft: Draft, written_by: str
) -> None:
    """The suggestion is there."""
    await write(
        session,
        knowledge_base_id,
        {
            "status": "ready",
            "reason": None,
            "written_by": written_by,
            "suggestion": msgspec.to_builtins(suggestion),
            "draft": msgspec.to_builtins(draft),
        },
    )


async def edit(session: AsyncSession, knowledge_base_id: UUID, draft: Draft) -> PackagingFact:
    """The draft becomes this."""
    return await write(session, knowledge_base_id, {"draft": msgspec.to_builtins(draft)})


async def write(session: AsyncSession, knowledge_base_id: UUID, values: Mapping[str, Any]) -> PackagingFact:
    """Writes these columns of a row that is there."""
    statement = (
        packaging.update()
        .where(packaging.c.knowledge_base_id == knowledge_base_id)
        .values(**values)
        .returning(packaging)
    )
    return _fact((await session.execute(statement)).one())


async def gather(
    session: AsyncSession | AsyncConnection,
    base: KnowledgeBaseFact,
    outlines: Sequence[Outline],
    *,
    most_documents: int,
    most_characters: int,
) -> Material:
    """Of ``outlines``, the free tier's and the whole, the first with key points gives the sentences, the last
    the headings."""
    points = next((outline.key_points for outline in outlines if outline.key_points), [])
    live = [
        document.c.knowledge_base_id == base.id,
        document.c.deleted_at.is_(None),
        document.c.current_revision_id.is_not(None),
    ]
    count = await session.scalar(sa.select(sa.func.count()).where(*live)) or 0
    each = max(200, most_characters // max(1, min(count, most_documents)))
    query = (
        sa.select(
            document.c.id.label("document_id"),
            revision.c.id.label("revision_id"),
            document.c.tier,
            document.c.title,
            sa.func.substr(revision.c.text, 1, each).label("text"),
        )
        .join(revision, revision.c.id == document.c.current_revision_id)
        .where(*live)
        .order_by(document.c.id)
        .limit(most_documents)
    )
    texts = [Text(**row) for row in (await session.execute(query)).mappings()]
    tiers = await tiers_of(session, [node.document_id for node in points])
    spans = [(node.revision_id, node.start, node.end) for node in points]
    said = await read_spans(await ask_spans(await driver_connection(session), spans))
    sentences = [
        Sentence(
            text, Source(node.document_id, node.revision_id, node.start, node.end, tiers[node.document_id])
        )
        for node, text in zip(points, said, strict=True)
    ]
    return Material(
        language=base.language,
        category=base.category,
        texts=texts,
        sentences=sentences,
        nodes=list(outlines[-1].nodes),
        categories=await _categories(session, base.id),
    )


async def tiers_of(session: AsyncSession | AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Tier]:
    """The tier of each of these documents, deleted ones included."""
    query = sa.select(document.c.id, document.c.tier).where(document.c.id.in_(ids))
    return {row.id: row.tier for row in await session.execute(query)}


async def _categories(session: AsyncSession | AsyncConnection, but: UUID) -> dict[str, frozenset[str]]:
    """Those that others on the square are in, with their tags."""
    query = (
        sa.select(knowledge_base.c.category, knowledge_base.c.tags)
        .where(
            knowledge_base.c.status == "published",
            knowledge_base.c.visibility == "public",
            knowledge_base.c.deleted_at.is_(None),
            knowledge_base.c.category != "",
            knowledge_base.c.id != but,
        )
        .order_by(knowledge_base.c.published_at.desc())
        .limit(CATEGORIES)
    )
    found: dict[str, frozenset[str]] = {}
    for row in await session.execute(query):
        found[row.category] = found.get(row.category, frozenset()) | frozenset(row.tags)
    return found


def _fact(row: sa.Row[Any]) -> PackagingFact:
    values = dict(row._mapping)
    values["suggestion"] = msgspec.convert(values["suggestion"], Suggestion | None)
    values["draft"] = msgspec.convert(values["draft"], Draft | None)
    return PackagingFact(**values)
