"""Revisions: immutable texts. A change of a document's file is another revision; none is ever changed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from psycopg import AsyncConnection as DriverConnection
from psycopg import AsyncCursor as DriverCursor
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.passages.cutting import Block
from service.knowledge.blocks import pack, unpack
from service.knowledge.parsing.parsed import Parsed
from service.knowledge.tables import document, revision


class RevisionNotFound(Exception):
    """There is no such revision of this document."""


@dataclass(frozen=True, slots=True)
class NewRevision:
    """A parsed file about to be kept; ``file_sha256`` and ``blob_key`` are of the bytes it came as."""

    id: UUID
    document_id: UUID
    knowledge_base_id: UUID
    number: int
    file_sha256: bytes
    blob_key: str
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class RevisionFact:
    """``sha256`` is of the text in UTF-8; offsets of ``blocks`` count code points of ``text``."""

    id: UUID
    document_id: UUID
    knowledge_base_id: UUID
    number: int
    sha256: bytes
    text: str
    blocks: list[Block]


async def add_revisions(session: AsyncSession, revisions: Sequence[NewRevision]) -> None:
    """Keeps them all in one statement."""
    if not revisions:
        return
    await session.execute(
        revision.insert(),
        [
            {
                "id": new.id,
                "document_id": new.document_id,
                "knowledge_base_id": new.knowledge_base_id,
                "number": new.number,
                "sha256": hashlib.sha256(new.parsed.text.encode()).digest(),
                "file_sha256": new.file_sha256,
                "blob_key": new.blob_key,
                "text": new.parsed.text,
                "blocks": pack(new.parsed.blocks),
            }
            for new in revisions
        ],
    )


async def newest_numbers(session: AsyncSession, document_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The number of each document's newest revision; documents without one are left out."""
    query = (
        sa.select(revision.c.document_id, sa.func.max(revision.c.number).label("number"))
        .where(revision.c.document_id.in_(document_ids))
        .group_by(revision.c.document_id)
    )
    return {row.document_id: row.number for row in await session.execute(query)}


async def get_revision(
    session: AsyncSession | AsyncConnection, *, document_id: UUID, revision_id: UUID | None
) -> RevisionFact:
    """One revision of a document, the current one by default. Raises ``RevisionNotFound``."""
    wanted: sa.ColumnElement[UUID] | UUID = (
        revision_id
        if revision_id is not None
        else sa.select(document.c.current_revision_id).where(document.c.id == document_id).scalar_subquery()
    )
    columns = [revision.c[name] for name in RevisionFact.__slots__]
    query = sa.select(*columns).where(revision.c.document_id == document_id, revision.c.id == wanted)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise RevisionNotFound("There is no such revision of this document.")
    return RevisionFact(**{**row._mapping, "blocks": unpack(row.blocks)})


async def ask_spans(
    connection: DriverConnection[Any], spans: Sequence[tuple[UUID, int, int]]
) -> DriverCursor[Any]:
    """Asks for the text of each ``(revision_id, start, end)``, offsets in code points; may be sent in a
    pipeline. ``read_spans`` has it."""
    ids, starts, ends = zip(*spans, strict=True) if spans else ((), (), ())
    return await connection.execute(
        """
        SELECT substr(revision.text, span.first + 1, span.past - span.first)
        FROM unnest(%s::uuid[], %s::int[], %s::int[]) WITH ORDINALITY AS span (id, first, past, n)
        LEFT JOIN revision ON revision.id = span.id
        ORDER BY span.n
        """,
        (list(ids), list(starts), list(ends)),
    )


async def read_spans(cursor: DriverCursor[Any]) -> list[str]:
    """The texts, in the order in which they were asked for. Raises ``RevisionNotFound``."""
    texts = [text for (text,) in await cursor.fetchall()]
    if any(text is None for text in texts):
        raise RevisionNotFound("A cited revision is not there.")
    return texts
