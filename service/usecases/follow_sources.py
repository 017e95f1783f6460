"""Sources are kept in step: a creator sees and stops them, and a job looks at each when its time has come.

A look asks whether anything changed at all; if so, only entries that are new or say something else than
before become an import, which goes its way like any other.
"""

from dataclasses import dataclass
from uuid import UUID

import structlog

from service.knowledge import imports, knowledge_bases
from service.knowledge.documents import Failure
from service.knowledge.imports import Options
from service.knowledge.knowledge_bases import KnowledgeBaseNotFound
from service.knowledge.sources import bundle, following
from service.knowledge.sources.bundle import Item, Plan, Taken
from service.knowledge.sources.following import Due, SourceFact
from service.knowledge.sources.taking import sha256_of
from service.platform.fetching import FetchFailed, Validators
from service.platform.ids import new_id
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.fetch_import import PAGE_KEY, fetch_feed, fetch_item, items_of, open_fetcher

log = structlog.get_logger(__name__)


async def list_sources(
    context: Context, *, knowledge_base_id: UUID, owner_id: UUID, after: UUID | None, limit: int
) -> list[SourceFact]:
    """In the order they came, from above the id ``after``. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
        return await following.list_page(
            connection, knowledge_base_id=knowledge_base_id, after=after, limit=limit
        )


async def stop_source(context: Context, *, source_id: UUID, knowledge_base_id: UUID, owner_id: UUID) -> None:
    """It is kept in step no more; its documents stay.

    Raises ``KnowledgeBaseNotFound`` and ``SourceNotFound``.
    """
    async with context.database.transaction() as session:
        await knowledge_bases.get_owned(session, id=knowledge_base_id, owner_id=owner_id)
        await following.stop(session, knowledge_base_id=knowledge_base_id, source_id=source_id)


async def follow_sources(context: Context) -> None:
    """The job by the clock: every source whose time has come is looked at, by a job of its own."""
    settings = context.settings
    while True:
        async with context.database.transaction() as session:
            due = await following.claim_due(
                session, check_seconds=settings.source_check_seconds, limit=settings.sweep_batch
            )
            for source_id in due:
                await defer(session, "check_source", lock=f"source:{source_id}", source_id=str(source_id))
        if len(due) < settings.sweep_batch:
            return


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look found: validators for the next, and the items that are new or changed."""

    validators: Validators
    items: list[Item]
    taken: list[Taken]
    title: str


async def check_source(context: Context, *, source_id: str) -> None:
    """The job of one source. What cannot be reached is told its owner, and tried again later and later."""
    async with context.database.reading() as connection:
        due = await following.get_due(connection, UUID(source_id))
        bases = {} if due is None else await knowledge_bases.get_many(connection, [due.knowledge_base_id])
    if due is None or due.knowledge_base_id not in bases:
        return
    try:
        seen = await (_look_at_feed(context, due) if due.kind == "feed" else _look_at_page(context, due))
    except FetchFailed as failed:
        async with context.database.transaction() as session:
            if failed.code == "not_modified":
                await following.checked(session, due.id, validators=None)
            else:
                await following.failed(
                    session,
                    due,
                    Failure(failed.code, failed.detail),
                    check_seconds=context.settings.source_check_seconds,
                )
        return
    await _import(context, due, seen)


async def _look_at_feed(context: Context, due: Due) -> _Seen:
    fetcher = context.fetcher or open_fetcher(context.settings)
    _, feed, validators = await fetch_feed(fetcher, due.url, due.validators)
    async with context.database.reading() as connection:
        said = {entry.key: entry.sha256 for entry in feed.entries}
        wanted = await following.wanted(connection, due.id, said)
    items = items_of(feed, due.id, wanted)[: context.settings.import_max_files]
    return _Seen(validators, items, [], feed.title)


async def _look_at_page(context: Context, due: Due) -> _Seen:
    fetcher = context.fetcher or open_fetcher(context.settings)
    item = Item(kind=due.kind, name=due.url, url=due.url, source_id=due.id, key=PAGE_KEY)
    taken, validators = await fetch_item(fetcher, item, due.validators)
    if taken.code is not None:
        raise FetchFailed(taken.code, taken.detail)
    sha256 = sha256_of(taken)
    async with context.database.reading() as connection:
        changed = await following.wanted(connection, due.id, {PAGE_KEY: sha256})
    if not changed:
        return _Seen(validators, [], [], taken.title)
    marked = bundle.marked(taken, due.id, PAGE_KEY, sha256)
    return _Seen(validators, [item], [marked], taken.title)


async def _import(context: Context, due: Due, seen: _Seen) -> None:
    """An import of what changed, if anything did, in the transaction that notes the look."""
    id = new_id()
    if seen.items:
        await context.blobs.put(bundle.plan_key(id), bundle.pack(Plan(seen.items, expanded=True)))
        for position, taken in enumerate(seen.taken):
            await context.blobs.put(bundle.taken_key(id, position), bundle.pack(taken))
    async with context.database.transaction() as session:
        await following.checked(session, due.id, validators=seen.validators, title=seen.title)
        if not seen.items:
            return
        try:
            base = await knowledge_bases.get_owned(session, id=due.knowledge_base_id, owner_id=due.account_id)
        except KnowledgeBaseNotFound:
            return
        await imports.create(
            session,
            id=id,
            knowledge_base_id=base.id,
            account_id=due.account_id,
            kind=due.kind,
            tier=due.tier,
            file_name=due.url,
            blob_key=bundle.plan_key(id),
            options=Options(source_id=due.id),
        )
        await defer(session, "fetch_import", lock=f"import:{id}", import_id=str(id))
    log.info("source.changed", source=str(due.id), entries=len(seen.items))
