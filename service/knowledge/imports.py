"""Imports: one file of many documents, worked through in order, entry by entry.

Entries are written in the archive's order in the transaction that keeps their documents, so that an import
that was cut short goes on behind the last of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.knowledge.documents import Failure, Tier
from service.knowledge.tables import document, import_entry, import_job

Kind = Literal["archive", "url", "wechat_article", "feed", "chat_export", "transcript"]
LinkKind = Literal["url", "wechat_article", "feed"]
LINK_KINDS: tuple[LinkKind, ...] = ("url", "wechat_article", "feed")
"""Kinds whose documents are fetched first, by a job of its own that keeps nobody waiting for the indexes."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked beside the kind. ``follow``: keep the addresses in step; ``hide_names``: of a chat, show
    pseudonyms. ``source_id``: it was found anew by a look at this source."""

    follow: bool = False
    hide_names: bool = False
    source_id: UUID | None = None


class ImportNotFound(Exception):
    """There is no such import, or it is not this account's."""


@dataclass(frozen=True, slots=True)
class FailedEntry:
    """An entry that made no document; ``code`` is stable, ``detail`` a sentence for its owner."""

    name: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class ImportFact:
    """How far an import is. ``done`` counts entries that are ready, identical ones included."""

    id: UUID
    knowledge_base_id: UUID
    kind: Kind
    tier: Tier
    file_name: str
    status: Literal["queued", "running", "done", "failed"]
    total: int
    done: int
    failed: list[FailedEntry]
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class ImportTask:
    """What the job needs to know."""

    id: UUID
    knowledge_base_id: UUID
    kind: Kind
    tier: Tier
    file_name: str
    blob_key: str
    next_position: int
    account_id: UUID
    options: Options


@dataclass(frozen=True, slots=True)
class NewEntry:
    """``code`` and ``detail`` for one that failed, else the document it made or found."""

    position: int
    name: str
    status: Literal["indexing", "ready", "failed"]
    document_id: UUID | None = None
    code: str | None = None
    detail: str | None = None


async def create(
    session: AsyncSession,
    *,
    id: UUID,
    knowledge_base_id: UUID,
    account_id: UUID,
    kind: Kind,
    tier: Tier,
    file_name: str,
    blob_key: str,
    options: Options | None = None,
) -> ImportFact:
    """A queued import of the file under ``blob_key``."""
    statement = (
        import_job.insert()
        .values(
            id=id,
            knowledge_base_id=knowledge_base_id,
            account_id=account_id,
            kind=kind,
            tier=tier,
            file_name=file_name,
            blob_key=blob_key,
            options=msgspec.to_builtins(options or Options()),
            status="queued",
        )
        .returning(import_job)
    )
    return _fact((await session.execute(statement)).one(), [])


async def get(session: AsyncSession | AsyncConnection, *, id: UUID, account_id: UUID | None) -> ImportFact:
    """The import, if it is this account's (None: whoever's). Raises ``ImportNotFound``."""
    query = sa.select(import_job).where(import_job.c.id == id)
    if account_id is not None:
        query = query.where(import_job.c.account_id == account_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise ImportNotFound("There is no such import.")
    failed = await session.execute(
        sa.select(import_entry.c.name, import_entry.c.code, import_entry.c.detail)
        .where(import_entry.c.import_id == id, import_entry.c.status == "failed")
        .order_by(import_entry.c.position)
    )
    return _fact(row, [FailedEntry(entry.name, entry.code, entry.detail) for entry in failed])


async def list_page(
    session: AsyncSession | AsyncConnection, *, knowledge_base_id: UUID, before: UUID | None, limit: int
) -> list[ImportFact]:
    """A knowledge base's imports, newest first, without their failed entries."""
    query = sa.select(import_job).where(import_job.c.knowledge_base_id == knowledge_base_id)
    if before is not None:
        query = query.where(import_job.c.id < before)
    rows = await session.execute(query.order_by(import_job.c.id.desc()).limit(limit))
    return [_fact(row, []) for row in rows]


def _fact(row: sa.Row[Any], failed: list[FailedEntry]) -> ImportFact:
    if row.failure_code is not None:
        failed = [*failed, FailedEntry(row.file_name, row.failure_code, row.failure_detail)]
    return ImportFact(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        kind=row.kind,
        tier=row.tier,
        file_name=row.file_name,
        status=row.status,
        total=row.total,
        done=row.done,
        failed=failed,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


async def start(session: AsyncSession, id: UUID) -> ImportTask | None:
    """Sets it running, for the first time or again; None when it is finished or missing."""
    row = (
        await session.execute(
            import_job.update()
            .where(import_job.c.id == id, import_job.c.status.in_(["queued", "running"]))
            .values(status="running")
            .returning(import_job)
        )
    ).one_or_none()
    if row is None:
        return None
    position = await session.scalar(
        sa.select(sa.func.max(import_entry.c.position)).where(import_entry.c.import_id == id)
    )
    return ImportTask(
        id=row.id,
        knowledge_base_id=row.knowledge_base_id,
        kind=row.kind,
        tier=row.tier,
        file_name=row.file_name,
        blob_key=row.blob_key,
        next_position=0 if position is None else position + 1,
        account_id=row.account_id,
        options=msgspec.convert(row.options, Options),
    )


async def unfinished(session: AsyncSession, id: UUID) -> list[UUID]:
    """The documents of entries that a former run kept and did not see indexed."""
    query = sa.select(import_entry.c.document_id).where(
        import_entry.c.import_id == id, import_entry.c.status == "indexing"
    )
    return [found for found in await session.scalars(query) if found is not None]


async def set_total(session: AsyncSession, id: UUID, total: int) -> None:
    await session.execute(import_job.update().where(import_job.c.id == id).values(total=total))


async def add_entries(session: AsyncSession, id: UUID, entries: Sequence[NewEntry]) -> None:
    """Keeps them all in one statement."""
    if entries:
        rows = [
            {"import_id": id, **{name: getattr(new, name) for name in NewEntry.__slots__}} for new in entries
        ]
        await session.execute(import_entry.insert(), rows)


async def outcomes(session: AsyncSession, id: UUID) -> dict[int, bool]:
    """By position, whether the entry made or found a document."""
    query = sa.select(import_entry.c.position, import_entry.c.status).where(import_entry.c.import_id == id)
    return {row.position: row.status != "failed" for row in await session.execute(query)}


async def progress(session: AsyncSession, id: UUID) -> None:
    """Entries whose documents are ready are ready too; counts them."""
    indexed = sa.exists().where(
        document.c.id == import_entry.c.document_id,
        sa.or_(document.c.status == "ready", document.c.deleted_at.is_not(None)),
    )
    await session.execute(
        import_entry.update()
        .where(import_entry.c.import_id == id, import_entry.c.status == "indexing", indexed)
        .values(status="ready")
    )
    ready = sa.select(sa.func.count()).where(import_entry.c.import_id == id, import_entry.c.status == "ready")
    await session.execute(
        import_job.update().where(import_job.c.id == id).values(done=ready.scalar_subquery())
    )


async def finish(session: AsyncSession, id: UUID, failure: Failure | None) -> None:
    """Every entry is ready or failed; with a ``failure``, the import as a whole was refused."""
    await session.execute(
        import_job.update()
        .where(import_job.c.id == id)
        .values(
            status="done" if failure is None else "failed",
            failure_code=None if failure is None else failure.code,
            failure_detail=None if failure is None else failure.detail,
            finished_at=sa.func.zhihao_now(),
        )
    )
