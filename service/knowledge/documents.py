"""Documents: one source text each, of a tier, with the states of its way to being searched."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.passages.hits import EditionLink
from service.knowledge.parsing.parsed import Note
from service.knowledge.tables import document

Tier = Literal["free", "paid"]
Status = Literal["queued", "parsing", "indexing", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document is from: the address a person opens, who wrote it, the day it came out, the site."""

    url: str | None = None
    author: str | None = None
    published: str | None = None
    site: str | None = None


class DocumentNotFound(Exception):
    """There is no such document in this knowledge base."""


class TooManyDocuments(Exception):
    """The knowledge base holds as many documents as it may."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a document could not be made: a stable code, and a sentence for its owner."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class DocumentFact:
    """A document as its owner sees it. ``revision_id`` is the text that is read and searched, if any yet;
    ``reason`` is why it failed, or what of a document that is read all the same could not be.
    ``edition`` is its date or version where it is an edition of some work; ``superseded_by`` and
    ``supersedes`` are the newest and the older ones, where they were asked for; ``origin`` is of what came
    from the web.
    """

    id: UUID
    knowledge_base_id: UUID
    title: str
    file_name: str
    tier: Tier
    status: Status
    reason: Failure | None
    revision_id: UUID | None
    created_at: datetime
    updated_at: datetime
    edition: str | None = None
    superseded_by: EditionLink | None = None
    supersedes: list[EditionLink] = field(default_factory=list)
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document about to be kept; ``sha256`` is of its file's bytes, which lie under ``blob_key``."""

    id: UUID
    knowledge_base_id: UUID
    title: str
    file_name: str
    imported: bool
    tier: Tier
    status: Status
    sha256: bytes
    blob_key: str
    failure_code: str | None = None
    failure_detail: str | None = None
    origin: Origin | None = None


def fact(row: sa.Row[Any]) -> DocumentFact:
    """A row of the table as a fact."""
    code = row.failure_code
    return DocumentFact(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        title=row.title,
        file_name=row.file_name,
        tier=row.tier,
        status=row.status,
        reason=None if code is None else Failure(code, row.failure_detail),
        revision_id=row.current_revision_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        edition=row.edition or None,
        origin=None if row.origin is None else msgspec.convert(row.origin, Origin),
    )


def blob_key(knowledge_base_id: UUID, sha256: bytes) -> str:
    """Where a file's bytes lie: by their hash, so that the same bytes are kept once."""
    return f"documents/{knowledge_base_id}/{sha256.hex()}"


async def add(session: AsyncSession, documents: Sequence[NewDocument]) -> None:
    """Keeps them all in one statement."""
    if documents:
        rows = [
            {name: getattr(new, name) for name in NewDocument.__slots__}
            | {"origin": None if new.origin is None else msgspec.to_builtins(new.origin)}
            for new in documents
        ]
        await session.execute(document.insert(), rows)


async def get(
    session: AsyncSession | AsyncConnection, *, knowledge_base_id: UUID, document_id: UUID
) -> DocumentFact:
    """A document that is not removed. Raises ``DocumentNotFound``."""
    query = sa.select(document).where(
        document.c.id == document_id,
        document.c.knowledge_base_id == knowledge_base_id,
        document.c.deleted_at.is_(None),
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise DocumentNotFound("There is no such document in this knowledge base.")
    return fact(row)


async def list_page(
    session: AsyncSession | AsyncConnection, *, knowledge_base_id: UUID, after: UUID | None, limit: int
) -> list[DocumentFact]:
    """The documents in the order they came, from above the id ``after``."""
    query = sa.select(document).where(
        document.c.knowledge_base_id == knowledge_base_id, document.c.deleted_at.is_(None)
    )
    if after is not None:
        query = query.where(document.c.id > after)
    return [fact(row) for row in await session.execute(query.order_by(document.c.id).limit(limit))]


async def list_readable(
    session: AsyncSession | AsyncConnection,
    *,
    knowledge_base_id: UUID,
    paid: bool,
    after: UUID | None = None,
    limit: int,
) -> list[DocumentFact]:
    """The free documents, or with ``paid`` all, that can be read; in the order they came."""
    query = sa.select(document).where(
        document.c.knowledge_base_id == knowledge_base_id,
        document.c.current_revision_id.is_not(None),
        document.c.deleted_at.is_(None),
    )
    if not paid:
        query = query.where(document.c.tier == "free")
    if after is not None:
        query = query.where(document.c.id > after)
    return [fact(row) for row in await session.execute(query.order_by(document.c.id).limit(limit))]


async def count(session: AsyncSession | AsyncConnection, knowledge_base_id: UUID) -> int:
    """Documents that are not removed, whatever their state."""
    query = sa.select(sa.func.count()).where(
        document.c.knowledge_base_id == knowledge_base_id, document.c.deleted_at.is_(None)
    )
    return (await session.execute(query)).scalar_one()


async def change(session: AsyncSession, *, document_id: UUID, changes: dict[str, Any]) -> DocumentFact:
    """Writes ``changes``, names of columns to values."""
    statement = (
        document.update()
        .where(document.c.id == document_id)
        .values(**changes, updated_at=sa.func.zhihao_now())
        .returning(document)
    )
    return fact((await session.execute(statement)).one())


async def remove(session: AsyncSession, *, document_id: UUID) -> None:
    """Removed for everybody; the row stays, for citations and receipts refer to it."""
    await change(session, document_id=document_id, changes={"deleted_at": sa.func.zhihao_now()})


async def same_file(
    session: AsyncSession, *, knowledge_base_id: UUID, file_name: str, tier: Tier, sha256: bytes
) -> DocumentFact | None:
    """The document that came as this very file, if there is one that did not fail."""
    query = (
        sa.select(document)
        .where(
            document.c.knowledge_base_id == knowledge_base_id,
            document.c.sha256 == sha256,
            document.c.file_name == file_name,
            document.c.tier == tier,
            document.c.deleted_at.is_(None),
            document.c.status != "failed",
        )
        .order_by(document.c.id)
        .limit(1)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else fact(row)


async def has_bytes(session: AsyncSession, *, document_id: UUID, sha256: bytes) -> bool:
    """Whether the document's file has just these bytes."""
    query = sa.select(sa.exists().where(document.c.id == document_id, document.c.sha256 == sha256))
    return bool(await session.scalar(query))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document's file, waiting to be parsed or, when ``parsed``, to be indexed."""

    id: UUID
    knowledge_base_id: UUID
    file_name: str
    sha256: bytes
    blob_key: str
    parsed: bool


async def begin(session: AsyncSession, document_id: UUID) -> Waiting | None:
    """What is left to do for a document; sets it parsing if it is to be parsed. None when it is removed."""
    query = sa.select(document).where(document.c.id == document_id).with_for_update()
    row = (await session.execute(query)).one_or_none()
    if row is None or row.deleted_at is not None or row.status == "failed":
        return None
    if row.status == "queued":
        await session.execute(document.update().where(document.c.id == document_id).values(status="parsing"))
    return Waiting(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        file_name=row.file_name,
        sha256=bytes(row.sha256),
        blob_key=row.blob_key,
        parsed=row.status in ("indexing", "ready"),
    )


async def end_parsing(
    session: AsyncSession, waiting: Waiting, failure: Failure | None, *, note: Note | None = None
) -> bool:
    """To be indexed, or failed; False when the document was removed or given another file meanwhile. ``note``
    is of what could not be read of a document that is to be indexed."""
    said = failure or note
    values: dict[str, Any] = {
        "status": "indexing" if failure is None else "failed",
        "failure_code": said.code if said else None,
        "failure_detail": said.detail if said else None,
    }
    statement = (
        document.update()
        .where(
            document.c.id == waiting.id,
            document.c.sha256 == waiting.sha256,
            document.c.status == "parsing",
            document.c.deleted_at.is_(None),
        )
        .values(**values, updated_at=sa.func.zhihao_now())
        .returning(document.c.id)
    )
    return (await session.execute(statement)).one_or_none() is not None
