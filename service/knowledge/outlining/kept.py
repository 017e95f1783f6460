"""Outlines kept: a row a revision and writer. What is shown is composed of rows at the asker's tier."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.passages.cutting import Block
from search.text import fold, language_of
from service.knowledge.blocks import unpack
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.knowledge.outlining.mapping import Drawing, draw
from service.knowledge.outlining.nodes import Node, Outline, Part, shown, tree
from service.knowledge.outlining.sentences import best, cosine, terms, weighed
from service.knowledge.tables import document, knowledge_base, revision, revision_outline

EXTRACT = "extract"
VERSION = 1
"""Of what ``draw`` makes: another one draws everything anew."""
KEY_POINTS = 8
"""Of a knowledge base."""
WEIGHED = 400
"""Key points of documents that a knowledge base's own are chosen from."""


@dataclass(frozen=True, slots=True)
class Undrawn:
    """A current revision that has no outline by this writer."""

    revision_id: UUID
    document_id: UUID
    knowledge_base_id: UUID
    title: str
    language: str
    text: str
    blocks: list[Block]

    def draw(self) -> Drawing:
        """For a thread of its own."""
        return draw(self.title, self.text, self.blocks, self.language)


def _live(knowledge_base_id: UUID, *, paid: bool, document_id: UUID | None) -> list[sa.ColumnElement[bool]]:
    """What makes a document one of those an outline is of; without ``paid``, of the free tier only."""
    wanted = [
        document.c.knowledge_base_id == knowledge_base_id,
        document.c.deleted_at.is_(None),
        document.c.current_revision_id.is_not(None),
    ]
    if not paid:
        wanted.append(document.c.tier == "free")
    if document_id is not None:
        wanted.append(document.c.id == document_id)
    return wanted


def _row(writer: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        revision_outline.c.revision_id == document.c.current_revision_id,
        revision_outline.c.writer == writer,
        revision_outline.c.version == VERSION,
    )


async def undrawn(
    session: AsyncSession | AsyncConnection,
    knowledge_base_id: UUID,
    *,
    writer: str,
    paid: bool = True,
    document_id: UUID | None = None,
    limit: int,
) -> list[Undrawn]:
    """Current revisions without an outline by this writer, at most ``limit``."""
    query = (
        sa.select(
            revision.c.id.label("revision_id"),
            document.c.id.label("document_id"),
            document.c.knowledge_base_id,
            document.c.title,
            knowledge_base.c.language,
            revision.c.text,
            revision.c.blocks,
        )
        .join(revision, revision.c.id == document.c.current_revision_id)
        .join(knowledge_base, knowledge_base.c.id == document.c.knowledge_base_id)
        .where(
            *_live(knowledge_base_id, paid=paid, document_id=document_id),
            ~sa.exists().where(_row(writer)),
        )
        .order_by(document.c.id)
        .limit(limit)
    )
    rows = (await session.execute(query)).mappings()
    return [Undrawn(**{**row, "blocks": unpack(row["blocks"])}) for row in rows]


async def keep(session: AsyncSession, drawn: Sequence[tuple[Undrawn, Drawing]], *, writer: str) -> None:
    """Keeps these outlines; of a revision that has one by this writer already, it becomes this one."""
    if not drawn:
        return
    insert = postgresql.insert(revision_outline)
    fresh = {name: insert.excluded[name] for name in ("version", "parts", "points")}
    await session.execute(
        insert.on_conflict_do_update(index_elements=["revision_id", "writer"], set_=fresh),
        [
            {
                "revision_id": of.revision_id,
                "writer": writer,
                "version": VERSION,
                "parts": [asdict(part) for part in drawing.parts],
                "points": [asdict(part) for part in drawing.points],
            }
            for of, drawing in drawn
        ],
    )


async def compose(
    session: AsyncSession | AsyncConnection,
    base: KnowledgeBaseFact,
    *,
    paid: bool,
    writer: str,
    most_nodes: int,
    document_id: UUID | None = None,
) -> Outline:
    """The outline of a knowledge base, or of one document of it, from what is kept of its documents.

    Without ``paid`` it is made of free documents and of nothing else. Where this writer has made nothing of
    a revision, the extract stands in, and where there is none either, the document's bare title.
    """
    live = _live(base.id, paid=paid, document_id=document_id)
    total = await session.scalar(sa.select(sa.func.count()).where(*live)) or 0
    each = max(1, most_nodes // max(1, total))
    own, plain = revision_outline.alias("own"), revision_outline.alias("plain")

    def joined(row: Any, of: str) -> sa.ColumnElement[bool]:
        return sa.and_(
            row.c.revision_id == document.c.current_revision_id, row.c.writer == of, row.c.version == VERSION
        )

    slice_ = sa.literal(f"$[0 to {each - 1}]").cast(postgresql.JSONPATH)
    written = own.c.parts != sa.literal([], postgresql.JSONB)
    parts = sa.case((written, own.c.parts), else_=plain.c.parts)
    query = (
        sa.select(
            document.c.id,
            document.c.title,
            document.c.current_revision_id.label("revision_id"),
            sa.func.jsonb_path_query_array(parts, slice_).label("parts"),
            (sa.func.jsonb_array_length(parts) > each).label("cut"),
            sa.case((written, own.c.points), else_=plain.c.points).label("points"),
            sa.func.coalesce(written, sa.false()).label("written"),
            revision.c.sha256,
            sa.case((parts.is_(None), sa.func.char_length(revision.c.text))).label("length"),
        )
        .join(revision, revision.c.id == document.c.current_revision_id)
        .outerjoin(own, joined(own, writer))
        .outerjoin(plain, joined(plain, EXTRACT))
        .where(*live)
        .order_by(document.c.id)
        .limit(most_nodes)
    )
    rows = (await session.execute(query)).all()
    nodes: list[Node] = []
    points: list[Node] = []
    for row in rows:
        of = {"knowledge_base_id": base.id, "document_id": row.id, "revision_id": row.revision_id}
        if row.parts is None:
            nowhere = {"label": "", "heading_path": []}
            parts_of = [Part(-1, "document", "", 0, row.length, row.sha256.hex(), nowhere)]
        else:
            parts_of = [Part(**part) for part in row.parts]
        (whole,) = tree(parts_of, **of)
        whole.title = shown(row.title)
        nodes.append(whole)
        points += tree([Part(**part) for part in row.points or ()], **of)
    title = rows[0].title if rows and document_id is not None else base.title
    return Outline(
        title=title,
        written_by=writer if any(row.written for row in rows) else EXTRACT,
        key_points=_weightiest(points, base.language),
        nodes=nodes,
        truncated=total > len(rows) or any(row.cut for row in rows),
        pending=sum(row.parts is None for row in rows),
    )


def _weightiest(points: Sequence[Node], language: str) -> list[Node]:
    """Those that stand for most of the others, by what is visible alone; in the order of the documents."""
    if len(points) <= KEY_POINTS:
        return list(points)
    step = -(-len(points) // WEIGHED)
    among = points[::step]
    folded = [fold(node.title) for node in among]
    spoken = language_of("\n".join(folded), language)
    vectors = [terms(text, spoken) for text in folded]
    units = weighed(vectors)
    together: dict[str, float] = {}
    for unit in units:
        for term, weight in unit.items():
            together[term] = together.get(term, 0.0) + weight
    weights = [cosine(unit, together) for unit in units]
    return [among[index] for index in sorted(best(vectors, weights, KEY_POINTS))]
