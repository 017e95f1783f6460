"""A batch of an import's entries, from files to rows: what becomes a document, a revision, or neither.

The same bytes again make nothing new and are not even parsed. Another file of a path that was imported before
is a revision of that document (``service.knowledge.identity``); any other file is a document of its own.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from search.engine.port import IndexDocument
from search.passages.cutting import Passage, cut
from search.passages.editions import ALONE, Edition
from service.knowledge import documents, imports, revisions
from service.knowledge.documents import NewDocument, Origin
from service.knowledge.editions import recognised
from service.knowledge.identity import Match, identify
from service.knowledge.imports import ImportTask, NewEntry
from service.knowledge.parsing.archives import Entry
from service.knowledge.parsing.formats import outcome_of, parse, title_of
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.revisions import NewRevision
from service.platform.ids import new_id

BATCH_FILES = 200
BATCH_BYTES = 8 * 1024 * 1024


class ChangedMeanwhile(Exception):
    """A document that an entry was found to be is not as it was: the entry must be parsed after all."""


@dataclass(frozen=True, slots=True)
class File:
    """An entry with the hash of its bytes; of one that cannot be had, nothing is hashed."""

    entry: Entry
    sha256: bytes


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """An entry after parsing: its text with the passages that make it searchable, or why there is none.

    ``outcome`` is None where a document has these bytes already.
    """

    file: File
    outcome: Parsed | UnreadableFile | None
    passages: Sequence[Passage] = ()
    edition: Edition = ALONE
    title: str | None = None
    """Of what is not called by its file."""
    origin: Origin | None = None

    @property
    def called(self) -> str:
        """The title of a document of its own."""
        return self.title or title_of(self.file.entry.name)


def read_entry(
    entry: Entry,
    read: Callable[[], Parsed | UnreadableFile],
    *,
    limits: ParseLimits,
    title: str | None = None,
    origin: Origin | None = None,
) -> ReadEntry:
    """An entry that is parsed in a way of its own, with its passages; what went wrong is its outcome."""
    file = File(entry, hashlib.sha256(entry.data).digest())
    return _read(file, read, limits=limits, title=title, origin=origin)


def _read(
    file: File,
    read: Callable[[], Parsed | UnreadableFile],
    *,
    limits: ParseLimits,
    title: str | None = None,
    origin: Origin | None = None,
) -> ReadEntry:
    outcome = outcome_of(read)
    if isinstance(outcome, Parsed) and not outcome.blocks:
        outcome = UnreadableFile("empty_document", "The file holds no text.")
    if isinstance(outcome, Parsed) and len(outcome.text) > limits.characters:
        outcome = UnreadableFile("text_too_long", f"The text has more than {limits.characters} characters.")
    if isinstance(outcome, UnreadableFile):
        return ReadEntry(file, outcome)
    name = file.entry.name
    edition = recognised(title or title_of(name), name, outcome.text)
    return ReadEntry(file, outcome, cut(outcome.text, outcome.blocks), edition, title, origin)


def files_in_batches(found: Iterable[Entry], *, most: int | None = None) -> Iterator[list[File]]:
    """Entries as they are asked for; a batch ends at so many files (200 unless told) or 8 MiB."""
    batch: list[File] = []
    size = 0
    for entry in found:
        batch.append(File(entry, hashlib.sha256(entry.data).digest() if entry.code is None else b""))
        size += len(entry.data)
        if len(batch) >= (most or BATCH_FILES) or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def find_known(
    session: AsyncSession | AsyncConnection, task: ImportTask, batch: Sequence[File], names: Collection[str]
) -> set[bytes]:
    """The hashes of files that need no parsing, for a document has these bytes."""
    matches = await _matches(session, task, batch, names)
    return {file.sha256 for file in batch if (match := matches.get(file.entry.name)) and match.same}


def read_batch(batch: Sequence[File], known: Collection[bytes], *, limits: ParseLimits) -> list[ReadEntry]:
    """Parses and cuts what is not known; takes CPU time."""
    return [_read_file(file, limits) if file.sha256 not in known else ReadEntry(file, None) for file in batch]


def _read_file(file: File, limits: ParseLimits) -> ReadEntry:
    entry = file.entry
    if entry.code is not None:
        return ReadEntry(file, UnreadableFile(entry.code, entry.detail or ""))
    return _read(file, lambda: parse(entry.name, entry.data, limits=limits), limits=limits)


@dataclass(slots=True)
class Kept:
    """What a batch leaves to be indexed, and the documents whose title moved with their file."""

    index: list[IndexDocument] = field(default_factory=list)
    renamed: list[UUID] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    """The rows a batch makes."""

    task: ImportTask
    language: str
    matches: dict[str, Match]
    numbers: dict[UUID, int]
    room: int
    made: dict[bytes, UUID] = field(default_factory=dict)
    documents: list[NewDocument] = field(default_factory=list)
    revisions: list[NewRevision] = field(default_factory=list)
    entries: list[NewEntry] = field(default_factory=list)
    changes: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    kept: Kept = field(default_factory=Kept)

    def take(self, read: ReadEntry) -> None:
        """Decides what one entry becomes. Raises ``ChangedMeanwhile``."""
        name, outcome, sha256 = read.file.entry.name, read.outcome, read.file.sha256
        match = self.matches.get(name)
        if isinstance(outcome, UnreadableFile):
            self._fail(read, outcome)
        elif match is not None and match.same:
            if match.moved:
                self._move(match, name)
            self._enter(read, "ready", match.document.id)
        elif outcome is None:
            raise ChangedMeanwhile(name)
        elif match is None and sha256 in self.made:
            self._enter(read, "indexing", self.made[sha256])
        elif match is None and self.room < 1:
            full = "The knowledge base holds as many as it may."
            self._fail(read, UnreadableFile("too_many_documents", full))
        else:
            self._revise(read, outcome, match)

    def _revise(self, read: ReadEntry, outcome: Parsed, match: Match | None) -> None:
        name, sha256, task = read.file.entry.name, read.file.sha256, self.task
        key = documents.blob_key(task.knowledge_base_id, sha256)
        edition = read.edition
        if match is not None:
            present = match.document
            document_id, title, tier = present.id, present.title, present.tier
            self.changes[present.id] = {
                "sha256": sha256, "blob_key": key, "status": "indexing", **_noted(outcome),
            }  # fmt: skip
            if match.moved:
                self.changes[present.id]["file_name"] = name
            if present.edition is not None:
                edition = present.edition
            elif title != read.called:
                edition = recognised(title, name, outcome.text)
        else:
            document_id, title, tier = new_id(), read.called, task.tier
            self.documents.append(
                NewDocument(
                    id=document_id,
                    knowledge_base_id=task.knowledge_base_id,
                    title=title,
                    file_name=name,
                    imported=True,
                    tier=tier,
                    status="indexing",
                    sha256=sha256,
                    blob_key=key,
                    origin=read.origin,
                    **_noted(outcome),
                )
            )
            self.room -= 1
            self.made[sha256] = document_id
        self.numbers[document_id] = self.numbers.get(document_id, 0) + 1
        revision = NewRevision(
            id=new_id(),
            document_id=document_id,
            knowledge_base_id=task.knowledge_base_id,
            number=self.numbers[document_id],
            file_sha256=sha256,
            blob_key=key,
            parsed=outcome,
        )
        self.revisions.append(revision)
        self._enter(read, "indexing", document_id)
        self.kept.index.append(
            IndexDocument(
                document_id=document_id,
                revision_id=revision.id,
                knowledge_base_id=task.knowledge_base_id,
                title=title,
                tier=tier,
                language=self.language,
                passages=read.passages,
                edition=edition,
            )
        )

    def _move(self, match: Match, name: str) -> None:
        present = match.document
        self.changes[present.id] = {"file_name": name}
        if present.title == title_of(present.file_name) != title_of(name):
            self.changes[present.id]["title"] = title_of(name)
            self.kept.renamed.append(present.id)

    def _enter(self, read: ReadEntry, state: Literal["indexing", "ready"], document_id: UUID) -> None:
        self.entries.append(NewEntry(read.file.entry.position, read.file.entry.name, state, document_id))

    def _fail(self, read: ReadEntry, why: UnreadableFile) -> None:
        entry = read.file.entry
        self.entries.append(NewEntry(entry.position, entry.name, "failed", code=why.code, detail=why.detail))


def _noted(parsed: Parsed) -> dict[str, str | None]:
    """What could not be read of it, as columns."""
    note = parsed.note
    return {"failure_code": note.code if note else None, "failure_detail": note.detail if note else None}


async def keep_batch(
    session: AsyncSession,
    task: ImportTask,
    batch: Sequence[ReadEntry],
    names: Collection[str],
    *,
    language: str,
    max_documents: int,
) -> Kept:
    """Writes a batch: entries, documents and revisions. The knowledge base must be locked by now.

    Raises ``ChangedMeanwhile`` for an entry that was not parsed and must be.
    """
    matches = await _matches(session, task, [read.file for read in batch], names)
    revised = [match.document.id for match in matches.values() if not match.same]
    rows = _Batch(
        task=task,
        language=language,
        matches=matches,
        numbers=await revisions.newest_numbers(session, revised),
        room=max_documents - await documents.count(session, task.knowledge_base_id),
    )
    for read in batch:
        rows.take(read)
    for document_id, changes in rows.changes.items():
        await documents.change(session, document_id=document_id, changes=changes)
    await documents.add(session, rows.documents)
    await revisions.add_revisions(session, rows.revisions)
    await imports.add_entries(session, task.id, rows.entries)
    return rows.kept


async def _matches(
    session: AsyncSession | AsyncConnection, task: ImportTask, batch: Sequence[File], names: Collection[str]
) -> dict[str, Match]:
    files = [(file.entry.name, file.sha256) for file in batch if file.entry.code is None]
    return await identify(session, knowledge_base_id=task.knowledge_base_id, files=files, names=names)
