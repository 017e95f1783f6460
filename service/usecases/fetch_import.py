"""An import from the web is fetched: every address it names, and every entry of the feeds among them.

What was taken is laid by, and the import goes on from there under the lock of its indexes. A job that is run
again fetches only what it had not.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec
from uuid import UUID

import msgspec
import structlog

from service.knowledge import imports, indexing
from service.knowledge.imports import ImportTask
from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.formats import outcome_of
from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.sources import bundle, following
from service.knowledge.sources.bundle import Item, Plan, Taken
from service.knowledge.sources.feeds import Feed, feed_of_page, read_feed
from service.knowledge.sources.following import SourceKind, TooManySources, Tried
from service.knowledge.sources.taking import (
    ACCEPTED,
    PAGES,
    refused,
    sha256_of,
    take_entry,
    take_fetched,
    take_sent,
)
from service.platform.blobs import BlobMissing
from service.platform.egress import Egress
from service.platform.fetching import Fetched, Fetcher, FetchFailed, Validators
from service.platform.ids import new_id
from service.platform.jobs import defer
from service.platform.settings import Settings
from service.usecases.context import Context

P = ParamSpec("P")
log = structlog.get_logger(__name__)

FEED_TYPES = "application/atom+xml, application/rss+xml, application/xml;q=0.9, */*;q=0.5"
PAGE_KEY = "page"
"""The one entry of a page that is kept in step."""
LEAST_FALLBACK = 20
"""Characters of a feed's own text that stand in for a page that could not be had."""


def open_fetcher(settings: Settings) -> Fetcher:
    """The fetcher of a process, as its settings have it."""
    return Fetcher(
        Egress(ports=settings.import_port_numbers, allow_loopback=settings.egress_allow_loopback),
        user_agent=f"Zhihao (+{settings.public_url})",
        seconds=settings.import_fetch_seconds,
        max_bytes=settings.import_fetch_bytes,
        redirects=settings.import_fetch_redirects,
        concurrency=settings.import_fetch_concurrency,
        pause_seconds=settings.import_host_pause_seconds,
    )


async def fetch_import(context: Context, *, import_id: str) -> None:
    """The job. What cannot be had is named in the import's failures; the rest goes on."""
    id = UUID(import_id)
    async with context.database.transaction() as session:
        task = await imports.start(session, id)
    if task is None:
        return
    plan = bundle.unpack_plan(await context.blobs.get(task.blob_key))
    fetcher = context.fetcher or open_fetcher(context.settings)
    if not plan.expanded:
        plan = Plan(await _expanded(context, fetcher, task, plan.items), expanded=True)
        await context.blobs.put(task.blob_key, bundle.pack(plan))
    async with context.database.transaction() as session:
        await imports.set_total(session, id, len(plan.items))
    await _take_all(context, fetcher, task, plan.items)
    async with context.database.transaction() as session:
        await defer(
            session,
            "import_documents",
            lock=indexing.index_lock(task.knowledge_base_id),
            import_id=import_id,
        )


async def _expanded(
    context: Context, fetcher: Fetcher, task: ImportTask, items: Sequence[Item]
) -> list[Item]:
    """The items, feeds replaced by their entries, as many as an import may have."""
    expanded: list[Item] = []
    most = context.settings.import_max_files
    for item in items:
        if item.kind != "feed" or item.code is not None or item.url is None:
            expanded.append(item)
            continue
        try:
            url, feed, validators = await fetch_feed(fetcher, item.url)
            source_id = await _follow(context, task, "feed", url, feed.title, validators)
        except FetchFailed as failed:
            expanded.append(Item(kind="feed", name=item.name, code=failed.code, detail=failed.detail))
            continue
        except TooManySources as refusal:
            expanded.append(Item(kind="feed", name=item.name, code="too_many_sources", detail=str(refusal)))
            continue
        expanded += items_of(feed, source_id)
    kept = expanded[:most]
    return [*kept[:-1], _beyond(most)] if len(expanded) > most else kept


def _beyond(most: int) -> Item:
    return Item(
        kind="url", name="…", code="too_many_entries", detail=f"An import takes at most {most} addresses."
    )


async def fetch_feed(
    fetcher: Fetcher, url: str, validators: Validators | None = None
) -> tuple[str, Feed, Validators]:
    """The feed at the address, or the one that the page there names as its own, with where it was found.

    Raises ``FetchFailed``, with the code ``not_modified`` where the validators say that nothing changed.
    """
    fetched = await fetcher.get(url, accept=FEED_TYPES, validators=validators)
    if fetched is None:
        raise FetchFailed("not_modified", "Nothing changed.")
    if fetched.media_type in PAGES and (named := await asyncio.to_thread(_named_feed, fetched)):
        url = named
        fetched = await fetcher.get(named, accept=FEED_TYPES)
        if fetched is None:
            raise FetchFailed("fetch_failed", "The address could not be fetched: it answered nothing.")
    try:
        feed = await asyncio.to_thread(read_feed, fetched.body, url=fetched.url)
    except UnreadableFile as refusal:
        raise FetchFailed(refusal.code, refusal.detail) from None
    return url, feed, fetched.validators


def _named_feed(fetched: Fetched) -> str | None:
    try:
        return feed_of_page(decode(fetched.body, declared=fetched.charset), url=fetched.url)
    except UnreadableFile:
        return None


def items_of(feed: Feed, source_id: UUID | None, wanted: set[str] | None = None) -> list[Item]:
    """The feed's entries as items; of these keys only, if any are named."""
    return [
        Item(
            kind="url",
            name=entry.link or entry.title or entry.key,
            url=entry.link,
            title=entry.title,
            author=entry.author,
            published=entry.published,
            html=entry.html,
            whole=entry.whole or entry.link is None,
            source_id=source_id,
            key=entry.key,
            sha256=entry.sha256,
        )
        for entry in feed.entries
        if wanted is None or entry.key in wanted
    ]


async def _follow(
    context: Context, task: ImportTask, kind: SourceKind, url: str, title: str, validators: Validators
) -> UUID | None:
    """Keeps the address in step, if that was asked. Raises ``TooManySources``."""
    if not task.options.follow:
        return None
    async with context.database.transaction() as session:
        return await following.follow(
            session,
            id=new_id(),
            knowledge_base_id=task.knowledge_base_id,
            account_id=task.account_id,
            kind=kind,
            url=url,
            title=title,
            tier=task.tier,
            validators=validators,
            check_seconds=context.settings.source_check_seconds,
            most=context.settings.sources_max,
        )


async def _take_all(context: Context, fetcher: Fetcher, task: ImportTask, items: Sequence[Item]) -> None:
    # How many are fetched at a time, and from whom, is the fetcher's to say.
    gate = asyncio.Semaphore(context.settings.import_concurrency)
    spent = 0

    async def take(position: int, item: Item) -> None:
        nonlocal spent
        async with gate:
            key = bundle.taken_key(task.id, position)
            if position < task.next_position or await _is_there(context, key):
                return
            if spent > context.settings.import_max_total_bytes:
                taken = refused(item, "import_too_large", "The import holds more than one may hold.")
            else:
                taken = await _take(context, fetcher, task, item)
            spent += len(taken.data)
            await context.blobs.put(key, bundle.pack(taken))

    async with asyncio.TaskGroup() as group:
        for position, item in enumerate(items):
            group.create_task(take(position, item))


async def _is_there(context: Context, key: str) -> bool:
    try:
        await context.blobs.get(key)
    except BlobMissing:
        return False
    return True


async def _take(context: Context, fetcher: Fetcher, task: ImportTask, item: Item) -> Taken:
    if item.code is not None:
        return refused(item, item.code, item.detail)
    if item.sent:
        data = await context.blobs.get(bundle.sent_key(task.id))
        return await _apart(take_sent, item, data)
    if item.whole or item.url is None:
        return await _apart(take_entry, item)
    try:
        taken, validators = await fetch_item(fetcher, item)
        if not item.key and taken.code is None:
            return await _kept_in_step(context, task, item, taken, validators)
    except FetchFailed as failed:
        taken = refused(item, failed.code, failed.detail)
    if taken.code is not None and len(item.html) >= LEAST_FALLBACK:
        own = await _apart(take_entry, item)
        return taken if own.code is not None else msgspec.structs.replace(own, whole=False)
    return taken


async def _apart(
    take: Callable[Concatenate[Item, P], Taken], item: Item, *args: P.args, **kwargs: P.kwargs
) -> Taken:
    """In a thread; what cannot be a document is named with its code."""
    outcome = await asyncio.to_thread(outcome_of, lambda: take(item, *args, **kwargs))
    return refused(item, outcome.code, outcome.detail) if isinstance(outcome, UnreadableFile) else outcome


async def fetch_item(
    fetcher: Fetcher, item: Item, validators: Validators | None = None
) -> tuple[Taken, Validators]:
    """What is at the item's address. Raises ``FetchFailed``, as ``fetch_feed`` does."""
    assert item.url is not None
    fetched = await fetcher.get(item.url, accept=ACCEPTED, validators=validators)
    if fetched is None:
        raise FetchFailed("not_modified", "Nothing changed.")
    return await _apart(take_fetched, item, fetched), fetched.validators


async def _kept_in_step(
    context: Context, task: ImportTask, item: Item, taken: Taken, validators: Validators
) -> Taken:
    """A page that is to be kept in step becomes a source with one entry."""
    if not task.options.follow or item.url is None or item.kind == "feed":
        return taken
    try:
        source_id = await _follow(context, task, item.kind, item.url, taken.title, validators)
    except TooManySources as refusal:
        return refused(item, "too_many_sources", str(refusal))
    return taken if source_id is None else bundle.marked(taken, source_id, PAGE_KEY, sha256_of(taken))


async def record_taken(context: Context, task: ImportTask) -> None:
    """Tells each source what became of its entries, once the import has gone through them all."""
    async with context.database.transaction() as session:
        outcomes = await imports.outcomes(session, task.id)
    tried: dict[UUID, list[Tried]] = {}
    for position, made in outcomes.items():
        try:
            taken = bundle.unpack_taken(await context.blobs.get(bundle.taken_key(task.id, position)))
        except BlobMissing:
            continue
        if taken.source_id is not None:
            tried.setdefault(taken.source_id, []).append(Tried(taken.key, taken.sha256, made and taken.whole))
    async with context.database.transaction() as session:
        for source_id, entries in tried.items():
            await following.record(session, source_id, entries)


async def drop_taken(context: Context, task: ImportTask) -> None:
    """Deletes what was laid by."""
    try:
        plan = bundle.unpack_plan(await context.blobs.get(task.blob_key))
    except BlobMissing:
        return
    for position in range(len(plan.items)):
        await context.blobs.delete(bundle.taken_key(task.id, position))
    await context.blobs.delete(bundle.sent_key(task.id))
