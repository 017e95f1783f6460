"""What of a knowledge base is in its passage index, and what of that must not be seen.

A removal or a change of tier is acknowledged once the document is excluded; the exclusion is lifted when the
index holds what is true by then. Both happen with the knowledge base's row locked, and the index is written
by one job at a time (``index_lock``).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.engine.port import IndexDocument
from search.passages.cutting import Block, cut
from search.passages.editions import Edition
from service.knowledge import changes, knowledge_bases
from service.knowledge.blocks import unpack
from service.knowledge.documents import Tier
from service.knowledge.editions import edition_of, recognised
from service.knowledge.tables import document, knowledge_base, revision
from service.platform.jobs import defer


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the index was given of a document."""

    document_id: UUID
    revision_id: UUID
    tier: Tier
    edition: Edition | None = None


@dataclass(frozen=True, slots=True)
class Indexable:
    """A revision to be indexed, under the title and tier that the document has at that moment.

    ``edition`` only where its creator said which one it is.
    """

    document_id: UUID
    revision_id: UUID
    knowledge_base_id: UUID
    title: str
    file_name: str
    tier: Tier
    language: str
    text: str
    blocks: Sequence[Block]
    edition: Edition | None

    def cut(self) -> IndexDocument:
        """The same, cut into passages; takes CPU time."""
        return IndexDocument(
            document_id=self.document_id,
            revision_id=self.revision_id,
            knowledge_base_id=self.knowledge_base_id,
            title=self.title,
            tier=self.tier,
            language=self.language,
            passages=cut(self.text, self.blocks),
            edition=self.edition or recognised(self.title, self.file_name, self.text),
        )


def cut_all(found: Sequence[Indexable]) -> list[IndexDocument]:
    """All of them cut; for a thread of its own."""
    return [indexable.cut() for indexable in found]


def indexed(cut: Sequence[IndexDocument]) -> list[Indexed]:
    """What an index is given with these documents."""
    return [Indexed(item.document_id, item.revision_id, item.tier, item.edition) for item in cut]


def index_lock(knowledge_base_id: UUID) -> str:
    """The lock of the jobs that write this knowledge base's index."""
    return f"index:{knowledge_base_id}"


async def rebuild_soon(session: AsyncSession, knowledge_base_id: UUID) -> None:
    """Has the index built anew: text taken out of one still counts in its statistics until then."""
    await defer(
        session,
        "rebuild_index",
        lock=index_lock(knowledge_base_id),
        queueing_lock=f"rebuild:{knowledge_base_id}",
        knowledge_base_id=str(knowledge_base_id),
    )


_INDEXABLE = sa.select(
    document.c.id.label("document_id"),
    revision.c.id,
    document.c.knowledge_base_id,
    document.c.title,
    document.c.file_name,
    document.c.tier,
    knowledge_base.c.language,
    revision.c.text,
    revision.c.blocks,
    document.c.work,
    document.c.edition,
    document.c.edition_sketch,
    document.c.edition_set,
).where(
    knowledge_base.c.id == document.c.knowledge_base_id,
    knowledge_base.c.deleted_at.is_(None),
    document.c.deleted_at.is_(None),
    revision.c.document_id == document.c.id,
)


def _indexable(row: Any) -> Indexable:
    return Indexable(
        document_id=row.document_id,
        revision_id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        title=row.title,
        file_name=row.file_name,
        tier=row.tier,
        language=row.language,
        text=row.text,
        blocks=unpack(row.blocks),
        edition=edition_of(row) if row.edition_set else None,
    )


async def newest(session: AsyncSession | AsyncConnection, document_ids: Collection[UUID]) -> list[Indexable]:
    """The newest revision of each of these documents that is not removed."""
    other = revision.alias()
    later = sa.exists().where(other.c.document_id == document.c.id, other.c.number > revision.c.number)
    query = _INDEXABLE.where(document.c.id.in_(document_ids), ~later)
    return [_indexable(row) for row in await session.execute(query)]


async def current(
    session: AsyncSession | AsyncConnection, knowledge_base_id: UUID, *, after: UUID | None, limit: int
) -> list[Indexable]:
    """What readers may be shown, ``limit`` documents from above the id ``after``."""
    query = _INDEXABLE.where(
        document.c.knowledge_base_id == knowledge_base_id,
        revision.c.id == document.c.current_revision_id,
    )
    if after is not None:
        query = query.where(document.c.id > after)
    rows = await session.execute(query.order_by(document.c.id).limit(limit))
    return [_indexable(row) for row in rows]


async def current_of(connection: AsyncConnection, document_id: UUID, revision_id: UUID) -> Indexable | None:
    """The document as readers are shown it; ``None`` unless that is this revision."""
    query = _INDEXABLE.where(
        document.c.id == document_id,
        document.c.current_revision_id == revision_id,
        revision.c.id == revision_id,
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else _indexable(row)


async def is_current(session: AsyncSession, document_id: UUID, revision_id: UUID) -> bool:
    """Whether readers are shown this revision; held so to the end of the transaction."""
    query = (
        sa.select(document.c.id)
        .where(
            document.c.id == document_id,
            document.c.current_revision_id == revision_id,
            document.c.deleted_at.is_(None),
        )
        .with_for_update(read=True)
    )
    return (await session.execute(query)).one_or_none() is not None


_EXCLUDE = sa.text(
    """
    UPDATE passage_index SET excluded_document_ids = ARRAY(
      SELECT DISTINCT id FROM unnest(excluded_document_ids || CAST(:ids AS uuid[])) AS id
    ) WHERE knowledge_base_id = :knowledge_base_id
    """
)


async def exclude(session: AsyncSession, *, knowledge_base_id: UUID, document_ids: Sequence[UUID]) -> None:
    """From this transaction's commit on, no search returns them. The knowledge base must be locked by now."""
    await session.execute(_EXCLUDE, {"ids": list(document_ids), "knowledge_base_id": knowledge_base_id})


_READY = sa.text(
    """
    UPDATE document SET status = 'ready', current_revision_id = indexed.revision_id, updated_at = zhihao_now()
    FROM unnest(CAST(:ids AS uuid[]), CAST(:revisions AS uuid[])) AS indexed (id, revision_id)
    WHERE document.id = indexed.id AND document.deleted_at IS NULL AND document.status = 'indexing'
    """
)
_EDITIONS = sa.text(
    """
    UPDATE document SET work = said.work, edition = said.edition, edition_sketch = said.sketch
    FROM unnest(CAST(:ids AS uuid[]), CAST(:works AS text[]), CAST(:editions AS text[]),
                CAST(:sketches AS bytea[])) AS said (id, work, edition, sketch)
    WHERE document.id = said.id AND NOT document.edition_set
      AND (document.work, document.edition, document.edition_sketch)
        IS DISTINCT FROM (said.work, said.edition, said.sketch)
    RETURNING document.id
    """
)
_REPLACED = sa.text("SELECT count(*) FROM document WHERE id = ANY(:ids) AND current_revision_id IS NOT NULL")
_LIFT = sa.text(
    """
    UPDATE passage_index SET generation = :generation, replaced = CASE WHEN :whole THEN 0
      ELSE replaced + :replaced END, excluded_document_ids = ARRAY(
      SELECT excluded FROM unnest(excluded_document_ids) AS excluded
      LEFT JOIN document ON document.id = excluded
      LEFT JOIN unnest(CAST(:ids AS uuid[]), CAST(:tiers AS text[])) AS indexed (id, tier)
        ON indexed.id = excluded
      WHERE NOT CASE
        WHEN document.deleted_at IS NOT NULL THEN :whole AND indexed.id IS NULL
        ELSE indexed.tier IS NOT DISTINCT FROM document.tier
      END
    ) WHERE knowledge_base_id = :knowledge_base_id
    """
)


_WORN = sa.text(
    """
    SELECT passage_index.replaced * :wear >= paid_documents + free_documents
    FROM passage_index JOIN knowledge_base ON knowledge_base.id = knowledge_base_id
    WHERE knowledge_base_id = :id
    """
)
WEAR = 8
"""One replaced document in so many, and the index is built anew."""


async def acknowledge(
    session: AsyncSession,
    *,
    knowledge_base_id: UUID,
    generation: int,
    indexed: Sequence[Indexed],
    whole: bool,
) -> None:
    """The engine holds ``indexed`` at ``generation``; ``whole``: and nothing else, for it was rebuilt.

    New documents become ready (a rebuild has none), and exclusions are lifted of what the index now holds as
    it is: what was removed or changed its tier again in the meantime stays excluded. An index in which many
    documents were replaced is rebuilt soon. What changed for readers is told in the feed of changes.
    """
    await lock(session, knowledge_base_id)
    ids = [item.document_id for item in indexed]
    replaced = 0 if whole else (await session.execute(_REPLACED, {"ids": ids})).scalar_one()
    known = [item for item in indexed if item.edition is not None]
    recognised_anew = await session.execute(
        _EDITIONS,
        {
            "ids": [item.document_id for item in known],
            "works": [item.edition.work for item in known if item.edition],
            "editions": [item.edition.label for item in known if item.edition],
            "sketches": [item.edition.sketch for item in known if item.edition],
        },
    )
    revisions = [item.revision_id for item in indexed]
    tiers = [item.tier for item in indexed]
    changed = set(recognised_anew.scalars())
    if not whole:
        await session.execute(_READY, {"ids": ids, "revisions": revisions})
        changed.update(ids)
    await session.execute(
        _LIFT,
        {
            "generation": generation,
            "ids": ids,
            "tiers": tiers,
            "whole": whole,
            "replaced": replaced,
            "knowledge_base_id": knowledge_base_id,
        },
    )
    await knowledge_bases.recount(session, knowledge_base_id)
    await changes.record(session, knowledge_base_id, changed)
    if replaced and (await session.execute(_WORN, {"id": knowledge_base_id, "wear": WEAR})).scalar_one():
        await rebuild_soon(session, knowledge_base_id)


async def lock(session: AsyncSession, knowledge_base_id: UUID) -> bool:
    """Holds the knowledge base's row to the end of the transaction; False when it is deleted or missing."""
    query = (
        sa.select(knowledge_base.c.deleted_at)
        .where(knowledge_base.c.id == knowledge_base_id)
        .with_for_update()
    )
    row = (await session.execute(query)).one_or_none()
    return row is not None and row.deleted_at is None
