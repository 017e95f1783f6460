"""A batch of an import's entries, from files to rows: what becomes a document, a revision, or neither.

The same bytes again make nothing new. Another file of a path that was imported before is a revision of that
document; any other file is a document of its own.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from search.engine.port import IndexDocument
from search.passages.cutting import Passage, cut
from service.knowledge import documents, imports, revisions
from service.knowledge.documents import NewDocument
from service.knowledge.imports import ImportTask, NewEntry
from service.knowledge.indexing import Indexed
from service.knowledge.parsing.archives import Entry
from service.knowledge.parsing.formats import title_of, try_parse
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.revisions import NewRevision
from service.platform.ids import new_id

BATCH_FILES = 100
BATCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """An entry after parsing: its text with the passages that make it searchable, or why there is none."""

    entry: Entry
    sha256: bytes
    outcome: Parsed | UnreadableFile
    passages: Sequence[Passage]


def read_in_batches(found: Iterable[Entry], *, max_characters: int) -> Iterator[list[ReadEntry]]:
    """Parses entries as they are asked for; a batch ends at 100 files or 4 MiB."""
    batch: list[ReadEntry] = []
    size = 0
    for entry in found:
        batch.append(_read(entry, max_characters))
        size += len(entry.data)
        if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read(entry: Entry, max_characters: int) -> ReadEntry:
    if entry.code is not None:
        return ReadEntry(entry, b"", UnreadableFile(entry.code, entry.detail or ""), [])
    outcome = try_parse(entry.name, entry.data, max_characters=max_characters)
    passages = cut(outcome.text, outcome.blocks) if isinstance(outcome, Parsed) else []
    return ReadEntry(entry, hashlib.sha256(entry.data).digest(), outcome, passages)


@dataclass(slots=True)
class Kept:
    """What a batch leaves to be indexed; ``revised`` when documents that were indexed before changed."""

    index: list[IndexDocument] = field(default_factory=list)
    revised: bool = False

    @property
    def indexed(self) -> list[Indexed]:
        return [Indexed(item.document_id, item.revision_id, item.tier) for item in self.index]


@dataclass(slots=True)
class _Rows:
    """The rows a batch makes."""

    documents: list[NewDocument] = field(default_factory=list)
    revisions: list[NewRevision] = field(default_factory=list)
    entries: list[NewEntry] = field(default_factory=list)


async def keep_batch(
    session: AsyncSession, task: ImportTask, batch: Sequence[ReadEntry], *, language: str, max_documents: int
) -> Kept:
    """Writes a batch: entries, documents and revisions. The knowledge base must be locked by now."""
    id = task.knowledge_base_id
    readable = [read for read in batch if isinstance(read.outcome, Parsed)]
    known = await documents.same_bytes(
        session, knowledge_base_id=id, sha256s={read.sha256 for read in readable}
    )
    named = await documents.imported_under(
        session, knowledge_base_id=id, names={read.entry.name for read in readable}
    )
    numbers = await revisions.newest_numbers(session, [present.id for present in named.values()])
    room = max_documents - await documents.count(session, id)
    waiting: set[bytes] = set()
    rows, kept = _Rows(), Kept()
    for read in batch:
        position, name = read.entry.position, read.entry.name
        outcome = read.outcome
        if isinstance(outcome, Parsed) and read.sha256 not in known and name not in named and room < 1:
            outcome = UnreadableFile("too_many_documents", "The knowledge base holds as many as it may.")
        if isinstance(outcome, UnreadableFile):
            rows.entries.append(NewEntry(position, name, "failed", code=outcome.code, detail=outcome.detail))
            continue
        if read.sha256 in known:
            # Of this very batch, or of before: then it is ready, or another job is at it.
            state: Literal["indexing", "ready"] = "indexing" if read.sha256 in waiting else "ready"
            rows.entries.append(NewEntry(position, name, state, known[read.sha256]))
            continue
        if name in named:
            present, kept.revised = named[name], True
            document_id, title, tier = present.id, present.title, present.tier
            await documents.change(
                session,
                document_id=document_id,
                changes={
                    "sha256": read.sha256,
                    "blob_key": _key(task, read),
                    "status": "indexing",
                    **_noted(outcome),
                },
            )
        else:
            document_id, title, tier = new_id(), title_of(name), task.tier
            rows.documents.append(_document(task, read, document_id, outcome))
            room -= 1
        known[read.sha256] = document_id
        waiting.add(read.sha256)
        numbers[document_id] = numbers.get(document_id, 0) + 1
        revision = NewRevision(
            id=new_id(),
            document_id=document_id,
            knowledge_base_id=id,
            number=numbers[document_id],
            file_sha256=read.sha256,
            blob_key=_key(task, read),
            parsed=outcome,
        )
        rows.revisions.append(revision)
        rows.entries.append(NewEntry(position, name, "indexing", document_id))
        kept.index.append(
            IndexDocument(
                document_id=document_id,
                revision_id=revision.id,
                knowledge_base_id=id,
                title=title,
                tier=tier,
                language=language,
                passages=read.passages,
            )
        )
    await documents.add(session, rows.documents)
    await revisions.add_revisions(session, rows.revisions)
    await imports.add_entries(session, task.id, rows.entries)
    return kept


def _key(task: ImportTask, read: ReadEntry) -> str:
    return documents.blob_key(task.knowledge_base_id, read.sha256)


def _noted(parsed: Parsed) -> dict[str, str | None]:
    """What could not be read of it, as columns."""
    note = parsed.note
    return {"failure_code": note.code if note else None, "failure_detail": note.detail if note else None}


def _document(task: ImportTask, read: ReadEntry, document_id: UUID, parsed: Parsed) -> NewDocument:
    return NewDocument(
        id=document_id,
        knowledge_base_id=task.knowledge_base_id,
        title=title_of(read.entry.name),
        file_name=read.entry.name,
        imported=True,
        tier=task.tier,
        status="indexing",
        sha256=read.sha256,
        blob_key=_key(task, read),
        **_noted(parsed),
    )
