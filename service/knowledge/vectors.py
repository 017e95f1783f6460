"""Vectors of passages: kept by revision, compared inside one asker's scope and nowhere else.

A row counts only while its revision is the current one of a document that is in scope now: what a scope
excludes, what was removed or is behind payment is left out by the same statement that compares.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.passages.cutting import Passage
from search.passages.fusion import Key
from search.passages.hits import PassageHit
from search.passages.scope import AccessScope
from service.knowledge.tables import document, passage_vector


@dataclass(frozen=True, slots=True)
class Owner:
    """A current revision, and the first of its positions that has a vector (``None``: none has)."""

    document_id: UUID
    revision_id: UUID
    knowledge_base_id: UUID
    first: int | None


@dataclass(frozen=True, slots=True)
class Near:
    """Passages by meaning, nearest first, and the cosines of these and of those that were asked about."""

    hits: list[PassageHit]
    cosines: dict[Key, float]


async def owners(
    connection: AsyncConnection, knowledge_base_id: UUID, *, model: str, after: UUID | None, limit: int
) -> list[Owner]:
    """Documents whose current revision is not done yet, by id, from above ``after``."""
    first = (
        sa.select(sa.func.min(passage_vector.c.position))
        .where(
            passage_vector.c.revision_id == document.c.current_revision_id, passage_vector.c.model == model
        )
        .scalar_subquery()
    )
    query = (
        sa.select(document.c.id, document.c.current_revision_id, document.c.knowledge_base_id, first)
        .where(
            document.c.knowledge_base_id == knowledge_base_id,
            document.c.deleted_at.is_(None),
            document.c.current_revision_id.is_not(None),
            sa.func.coalesce(first, 1) > 0,
        )
        .order_by(document.c.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(document.c.id > after)
    return [Owner(*row) for row in await connection.execute(query)]


async def keep(
    session: AsyncSession,
    owner: Owner,
    passages: Sequence[tuple[int, Passage, Sequence[float]]],
    *,
    model: str,
) -> None:
    """Keeps the vectors (empty: refused) of these passages, each with its position in the revision."""
    rows = [
        {
            "revision_id": owner.revision_id,
            "model": model,
            "position": position,
            "knowledge_base_id": owner.knowledge_base_id,
            "start": passage.start,
            "end": passage.end,
            "locator": passage.locator,
            "dimensions": len(vector),
            "vector": list(vector),
        }
        for position, passage, vector in passages
    ]
    if rows:
        await session.execute(insert(passage_vector).on_conflict_do_nothing(), rows)


async def forget_stale(session: AsyncSession, knowledge_base_id: UUID, *, model: str | None) -> None:
    """Forgets the vectors of what readers are not shown any more, and, with a ``model``, those of others."""
    shown = sa.exists().where(
        document.c.current_revision_id == passage_vector.c.revision_id,
        document.c.knowledge_base_id == knowledge_base_id,
        document.c.deleted_at.is_(None),
    )
    stale = ~shown if model is None else ~shown | (passage_vector.c.model != model)
    await session.execute(
        passage_vector.delete().where(passage_vector.c.knowledge_base_id == knowledge_base_id, stale)
    )


async def forget_all(session: AsyncSession, knowledge_base_id: UUID) -> None:
    """Forgets every vector of a knowledge base."""
    await session.execute(
        passage_vector.delete().where(passage_vector.c.knowledge_base_id == knowledge_base_id)
    )


_PGVECTOR = sa.text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')")
# Vectors have length 1, so the inner product is the cosine. Every vector in scope is compared: an index of
# neighbours would have to filter what it had found already, and would count what is out of scope.
_BY_EXTENSION = "-(v.vector::vector <#> CAST(:asked AS real[])::vector)"
_BY_SQL = "(SELECT sum(a::float8 * b) FROM unnest(v.vector, CAST(:asked AS real[])) AS pair (a, b))"
_NEAREST = """
    WITH compared AS MATERIALIZED (
      SELECT v.revision_id, v.position, v.start, v."end", d.id AS document_id, d.knowledge_base_id, d.title,
        {product} AS cosine
      FROM unnest(CAST(:bases AS uuid[]), CAST(:free AS bool[])) AS view (id, free)
      JOIN document d ON d.knowledge_base_id = view.id AND d.deleted_at IS NULL
        AND (d.tier = 'free' OR NOT view.free) AND d.id <> ALL(CAST(:excluded AS uuid[]))
      JOIN passage_vector v
        ON v.revision_id = d.current_revision_id AND v.model = :model AND v.dimensions = :dimensions
    ), placed AS (
      SELECT compared.*, row_number() OVER (ORDER BY cosine DESC, document_id, start) AS place FROM compared
    )
    SELECT placed.*, v.locator, substr(revision.text, v.start + 1, v."end" - v.start) AS text
    FROM placed
    JOIN passage_vector v
      ON v.revision_id = placed.revision_id AND v.model = :model AND v.position = placed.position
    JOIN revision ON revision.id = placed.revision_id
    WHERE place <= :limit OR (placed.revision_id, placed.start, placed."end") IN (
      SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:starts AS int[]), CAST(:ends AS int[]))
    )
    ORDER BY place
"""
_NEAREST_BY = {
    known: sa.text(_NEAREST.format(product=product)).bindparams(sa.bindparam("asked", type_=ARRAY(sa.REAL)))
    for known, product in ((True, _BY_EXTENSION), (False, _BY_SQL))
}


async def nearest(
    connection: AsyncConnection,
    scope: AccessScope,
    asked: Sequence[float],
    *,
    model: str,
    also: Collection[Key],
    limit: int,
) -> Near:
    """The passages in scope whose vectors are nearest to ``asked``, at most ``limit``, ties by document and
    place; and the cosines of these and of ``also``. With pgvector where the database has it."""
    known = (await connection.execute(_PGVECTOR)).scalar_one()
    ids, starts, ends = zip(*also, strict=True) if also else ((), (), ())
    values: dict[str, Any] = {
        "asked": list(asked),
        "bases": [view.knowledge_base_id for view in scope.views],
        "free": [view.tier == "free" for view in scope.views],
        "excluded": [id for view in scope.views for id in view.excluded_documents],
        "model": model,
        "dimensions": len(asked),
        "limit": limit,
        "ids": list(ids),
        "starts": list(starts),
        "ends": list(ends),
    }
    rows = (await connection.execute(_NEAREST_BY[known], values)).all()
    return Near(
        [_hit(row) for row in rows if row.place <= limit],
        {(row.revision_id, row.start, row.end): row.cosine for row in rows},
    )


def _hit(row: Any) -> PassageHit:
    """Nothing of it is found by words: it says nothing for an answer's support."""
    return PassageHit(
        knowledge_base_id=row.knowledge_base_id,
        document_id=row.document_id,
        revision_id=row.revision_id,
        title=row.title,
        locator=row.locator,
        start=row.start,
        end=row.end,
        text=row.text,
        score=0.0,
        matched=0.0,
    )
