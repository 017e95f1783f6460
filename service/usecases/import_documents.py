"""A creator imports many documents from one file; a job works through it and may be killed at any time.

Each batch of entries is parsed, kept with its documents in one transaction, indexed, and acknowledged in
another. A job that is run again finds what was kept, indexes what was not, and goes on behind it.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from service.knowledge import documents, imports, indexing, knowledge_bases
from service.knowledge.documents import Failure, Tier
from service.knowledge.importing import (
    ChangedMeanwhile,
    File,
    Kept,
    ReadEntry,
    files_in_batches,
    find_known,
    keep_batch,
    read_batch,
)
from service.knowledge.imports import LINK_KINDS, ImportFact, ImportTask, Kind, Options
from service.knowledge.knowledge_bases import KnowledgeBaseNotFound
from service.knowledge.parsing.archive_streams import ArchiveRefused, Limits
from service.knowledge.parsing.archives import entries, survey_names
from service.knowledge.parsing.parsed import Parsed
from service.knowledge.parsing.sniffing import is_archive
from service.outgoing.events import announce
from service.platform.blobs import BlobMissing
from service.platform.idempotency import Once, claim, keep
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.embed_passages import embed_soon
from service.usecases.fetch_import import drop_taken, record_taken
from service.usecases.owned_tasks import leaving
from service.usecases.parse_limits import parse_limits
from service.usecases.read_sources import name_sources, read_sources, read_talk

BATCH_TALKS = 8
"""Chats or transcripts kept together: a model may take minutes for the minutes of one."""


async def request_import(
    context: Context,
    *,
    id: UUID,
    knowledge_base_id: UUID,
    owner_id: UUID,
    kind: Kind,
    file_name: str,
    data: bytes,
    tier: Tier,
    options: Options | None = None,
    once: Once | None,
) -> ImportFact:
    """A queued import. The file itself is judged by the job. Raises ``KnowledgeBaseNotFound``."""
    key = f"imports/{id}"
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
    await context.blobs.put(key, data)
    async with context.database.transaction() as session:
        if (kept := await claim(session, once, ImportFact)) is not None:
            return kept
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id)
        made = await imports.create(
            session,
            id=id,
            knowledge_base_id=knowledge_base_id,
            account_id=owner_id,
            kind=kind,
            tier=tier,
            file_name=file_name,
            blob_key=key,
            options=options,
        )
        await defer(
            session, "import_documents", lock=indexing.index_lock(knowledge_base_id), import_id=str(id)
        )
        await keep(session, once, made)
        return made


async def read_import(context: Context, *, id: UUID, account_id: UUID | None) -> ImportFact:
    """How far it is; ``account_id`` None asks as who runs the machine. Raises ``ImportNotFound``."""
    async with context.database.reading() as connection:
        return await imports.get(connection, id=id, account_id=account_id)


async def list_imports(
    context: Context, *, knowledge_base_id: UUID, owner_id: UUID, before: UUID | None, limit: int
) -> list[ImportFact]:
    """Newest first, from below the id ``before``. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        return await imports.list_page(
            connection, knowledge_base_id=knowledge_base_id, before=before, limit=limit
        )


async def watch_import(
    context: Context, *, id: UUID, account_id: UUID | None, seconds: float
) -> AsyncIterator[ImportFact]:
    """Its state now and after every change, looked at every ``seconds``; ends when the import has ended, or
    the process is to end.

    Raises ``ImportNotFound``.
    """
    seen: ImportFact | None = None
    while True:
        state = await read_import(context, id=id, account_id=account_id)
        if state != seen:
            yield state
        if state.status in ("done", "failed") or leaving():
            return
        seen = state
        await asyncio.sleep(seconds)


async def import_documents(context: Context, *, import_id: str) -> None:
    """The job. An archive that must not be opened fails as a whole; a bad entry fails alone."""
    id = UUID(import_id)
    async with context.database.transaction() as session:
        task = await imports.start(session, id)
        left = await imports.unfinished(session, id) if task is not None else []
    if task is None:
        return
    failure: Failure | None = None
    try:
        await _finish_former_run(context, task, left)
        await _run(context, task)
    except ArchiveRefused as refusal:
        failure = Failure(refusal.code, refusal.detail)
    except BlobMissing:
        failure = Failure("file_missing", "The uploaded file is gone; upload it again.")
    except KnowledgeBaseNotFound:
        failure = Failure("knowledge_base_deleted", "The knowledge base was deleted meanwhile.")
    if task.kind in LINK_KINDS and failure is None:
        await record_taken(context, task)
    async with context.database.transaction() as session:
        await imports.finish(session, id, failure)
        await _tell(session, id)
    if task.kind in LINK_KINDS:
        await drop_taken(context, task)
    await context.blobs.delete(task.blob_key)


async def _tell(session: AsyncSession, id: UUID) -> None:
    ended = await imports.get(session, id=id, account_id=None)
    base = (await knowledge_bases.get_many(session, [ended.knowledge_base_id])).get(ended.knowledge_base_id)
    if base is None:
        return
    await announce(
        session,
        "import.finished",
        account_id=base.owner_id,
        object_id=id,
        data={
            "id": id,
            "knowledge_base_id": base.id,
            "status": ended.status,
            "total": ended.total,
            "done": ended.done,
            "failed": len(ended.failed),
        },
    )


async def _finish_former_run(context: Context, task: ImportTask, left: Sequence[UUID]) -> None:
    """Indexes what a killed run had kept."""
    if not left:
        return
    async with context.database.reading() as connection:
        found = await indexing.newest(connection, left)
    cut = await asyncio.to_thread(indexing.cut_all, found)
    await _index(context, task, Kept(cut))


async def _run(context: Context, task: ImportTask) -> None:
    if task.kind not in LINK_KINDS:
        data = await context.blobs.get(task.blob_key)
        if task.kind == "archive" or await asyncio.to_thread(is_archive, data):
            await _run_archive(context, task, data)
            return
    names = await name_sources(context, task)
    async with context.database.transaction() as session:
        await imports.set_total(session, task.id, len(names))
    async for batch in read_sources(context, task):
        await _keep_and_index(context, task, batch, frozenset(names))


async def _run_archive(context: Context, task: ImportTask, data: bytes) -> None:
    """Each file of it, as the import's kind says."""
    file = io.BytesIO(data)
    settings = context.settings
    limits = Limits(
        entries=settings.import_max_files,
        file_bytes=settings.import_max_file_bytes,
        total_bytes=settings.import_max_total_bytes,
        ratio=settings.import_max_ratio,
    )
    listed = await asyncio.to_thread(survey_names, file, limits)
    async with context.database.transaction() as session:
        await imports.set_total(session, task.id, len(listed))
    names = frozenset(listed)
    found = entries(file, limits, start=task.next_position)
    batches = files_in_batches(found, most=None if task.kind == "archive" else BATCH_TALKS)

    async def following() -> list[ReadEntry] | None:
        files = await asyncio.to_thread(next, batches, None)
        return None if files is None else await _read(context, task, files, names)

    # The next batch is parsed while this one is written.
    ahead = asyncio.create_task(following())
    try:
        while (batch := await ahead) is not None:
            ahead = asyncio.create_task(following())
            await _keep_and_index(context, task, batch, names)
    finally:
        await asyncio.gather(ahead, return_exceptions=True)


async def _read(
    context: Context, task: ImportTask, files: Sequence[File], names: frozenset[str]
) -> list[ReadEntry]:
    """The files parsed, but for those that a document has already. What is kept of a chat without names is
    not its file, so it is always read."""
    known: set[bytes] = set()
    if not task.options.hide_names:
        async with context.database.reading() as connection:
            known = await find_known(connection, task, files, names)
    if task.kind != "archive":
        return [
            ReadEntry(file, None) if file.sha256 in known else await read_talk(context, task, file.entry)
            for file in files
        ]
    limits = parse_limits(context.settings)
    return await asyncio.to_thread(read_batch, files, known, limits=limits)


async def _keep_and_index(
    context: Context, task: ImportTask, batch: Sequence[ReadEntry], names: frozenset[str]
) -> None:
    while True:
        await _put_files(context, task, batch)
        try:
            kept = await _keep(context, task, batch, names)
            break
        except ChangedMeanwhile:
            batch = await _read(context, task, [read.file for read in batch], names)
    await _index(context, task, kept)


async def _keep(
    context: Context, task: ImportTask, batch: Sequence[ReadEntry], names: frozenset[str]
) -> Kept:
    async with context.database.transaction() as session:
        if not await indexing.lock(session, task.knowledge_base_id):
            raise KnowledgeBaseNotFound("The knowledge base is deleted.")
        base = (await knowledge_bases.get_many(session, [task.knowledge_base_id]))[task.knowledge_base_id]
        kept = await keep_batch(
            session,
            task,
            batch,
            names,
            language=base.language,
            max_documents=context.settings.knowledge_base_max_documents,
        )
        renamed = await indexing.newest(session, kept.renamed) if kept.renamed else []
    kept.index += await asyncio.to_thread(indexing.cut_all, renamed)
    return kept


async def _put_files(context: Context, task: ImportTask, batch: Sequence[ReadEntry]) -> None:
    """Keeps the bytes of the readable files, each under its hash; doing so again changes nothing."""
    gate = asyncio.Semaphore(context.settings.import_concurrency)
    files = {read.file.sha256: read.file.entry.data for read in batch if isinstance(read.outcome, Parsed)}

    async def put(sha256: bytes, data: bytes) -> None:
        async with gate:
            await context.blobs.put(documents.blob_key(task.knowledge_base_id, sha256), data)

    async with asyncio.TaskGroup() as group:
        for sha256, data in files.items():
            group.create_task(put(sha256, data))


async def _index(context: Context, task: ImportTask, kept: Kept) -> None:
    generation = await context.passages.add(task.knowledge_base_id, kept.index) if kept.index else None
    async with context.database.transaction() as session:
        if generation is not None:
            await indexing.acknowledge(
                session,
                knowledge_base_id=task.knowledge_base_id,
                generation=generation,
                indexed=indexing.indexed(kept.index),
                whole=False,
            )
            await embed_soon(context, session, task.knowledge_base_id)
        await imports.progress(session, task.id)
