"""What an import brings that is no document yet, read and ready to be kept: pages, chats, transcripts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from service.knowledge.importing import BATCH_BYTES, BATCH_FILES, ReadEntry, read_entry
from service.knowledge.imports import LINK_KINDS, ImportTask
from service.knowledge.parsing.archives import Entry
from service.knowledge.parsing.formats import outcome_of, parse
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.sources import bundle, chats, minutes
from service.knowledge.sources.bundle import Taken
from service.knowledge.sources.chat_exports import read_chat
from service.knowledge.sources.taking import parse_taken
from service.knowledge.sources.transcripts import read_transcript
from service.platform.sealing import derive_key
from service.usecases.context import Context
from service.usecases.parse_limits import parse_limits
from service.usecases.write_minutes import write_minutes


async def read_sources(context: Context, task: ImportTask) -> AsyncIterator[list[ReadEntry]]:
    """Batches from the task's next position on. Raises ``BlobMissing``."""
    if task.kind in LINK_KINDS:
        async for batch in _taken(context, task):
            yield batch
    elif task.next_position == 0:
        entry = Entry(0, task.file_name, await context.blobs.get(task.blob_key))
        yield [await read_talk(context, task, entry)]


async def read_talk(context: Context, task: ImportTask, entry: Entry) -> ReadEntry:
    """A chat or a transcript, as the import's kind says; of an archive's, also one that cannot be had."""
    if entry.code is not None:
        refusal = UnreadableFile(entry.code, entry.detail or "")
        return _read(entry, _refusing(refusal), parse_limits(context.settings))
    read = _transcript if task.kind == "transcript" else _chat
    return await read(context, task, entry)


async def name_sources(context: Context, task: ImportTask) -> list[str]:
    """The names of all entries, by which documents there are is told. Raises ``BlobMissing``."""
    if task.kind not in LINK_KINDS:
        return [task.file_name]
    return [item.name for item in bundle.unpack_plan(await context.blobs.get(task.blob_key)).items]


async def _taken(context: Context, task: ImportTask) -> AsyncIterator[list[ReadEntry]]:
    batch: list[ReadEntry] = []
    size = 0
    for position in range(task.next_position, len(await name_sources(context, task))):
        taken = bundle.unpack_taken(await context.blobs.get(bundle.taken_key(task.id, position)))
        batch.append(await asyncio.to_thread(_page, context, position, taken))
        size += len(taken.data)
        if len(batch) >= BATCH_FILES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _page(context: Context, position: int, taken: Taken) -> ReadEntry:
    limits = parse_limits(context.settings)
    return read_entry(
        Entry(position, taken.name, taken.data),
        lambda: parse_taken(taken, limits=limits),
        limits=limits,
        title=taken.title,
        origin=taken.origin,
    )


async def _chat(context: Context, task: ImportTask, entry: Entry) -> ReadEntry:
    return await asyncio.to_thread(_read_chat, context, task, entry)


def _read_chat(context: Context, task: ImportTask, entry: Entry) -> ReadEntry:
    """The chat by its messages; a text in which none is recognized by its lines, unless names are to be
    hidden. Where they are, the text without them is all that is kept."""
    limits = parse_limits(context.settings)
    gap = timedelta(minutes=context.settings.chat_gap_minutes)
    messages = outcome_of(lambda: read_chat(entry.name, entry.data))
    if isinstance(messages, UnreadableFile):
        if messages.code == "not_a_chat" and not task.options.hide_names:
            return _read(entry, lambda: parse(entry.name, entry.data, limits=limits), limits)
        return _read(entry, _refusing(messages), limits)
    if task.options.hide_names:
        names = chats.Pseudonyms(_names_key(context, task.knowledge_base_id), messages)
        parsed = chats.render(list(names.hide(messages)), gap=gap)
        hidden = replace(entry, name=names.hide_in(entry.name), data=parsed.text.encode())
        return _read(hidden, lambda: parsed, limits)
    return _read(entry, lambda: chats.render(messages, gap=gap), limits)


def _names_key(context: Context, knowledge_base_id: UUID) -> bytes:
    """By which a name has the same pseudonym throughout a knowledge base, and another in every other."""
    secret = context.settings.secret_key.get_secret_value()
    return derive_key(secret, f"pseudonyms:{knowledge_base_id}")


async def _transcript(context: Context, task: ImportTask, entry: Entry) -> ReadEntry:
    """The minutes of the transcript, followed by it."""
    limits = parse_limits(context.settings)
    turns = await asyncio.to_thread(
        outcome_of, lambda: read_transcript(entry.name, entry.data, limits=limits)
    )
    if isinstance(turns, UnreadableFile):
        return _read(entry, _refusing(turns), limits)
    lines, worded = await write_minutes(context, turns)
    return await asyncio.to_thread(_read, entry, lambda: minutes.render(turns, lines, worded=worded), limits)


def _read(entry: Entry, read: Callable[[], Parsed | UnreadableFile], limits: ParseLimits) -> ReadEntry:
    return read_entry(entry, read, limits=limits)


def _refusing(refusal: UnreadableFile) -> Callable[[], UnreadableFile]:
    return lambda: refusal
