"""A creator imports from the web: an address, a list of them, feeds, or pages that were saved as files."""

from collections.abc import Sequence
from uuid import UUID

from service.knowledge import imports, knowledge_bases
from service.knowledge.documents import Tier
from service.knowledge.imports import ImportFact, LinkKind, Options
from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.sources import bundle
from service.knowledge.sources.bundle import Item, Plan
from service.knowledge.sources.links import read_links
from service.platform.fetching import Fetcher, FetchFailed
from service.platform.idempotency import Once, claim, keep
from service.platform.jobs import defer
from service.usecases.context import Context
from service.usecases.fetch_import import open_fetcher

PAGE_SUFFIXES = (".html", ".htm")


class InvalidAddress(Exception):
    """Nothing is fetched from this address: its form, scheme or port, or it leads inside."""

    pointer = "/url"


async def request_links(
    context: Context,
    *,
    id: UUID,
    knowledge_base_id: UUID,
    owner_id: UUID,
    kind: LinkKind,
    url: str | None,
    urls: Sequence[str],
    file: tuple[str, bytes] | None,
    tier: Tier,
    options: Options,
    once: Once | None,
) -> ImportFact:
    """A queued import of ``url``, or of all ``urls``, or of a ``file`` (its name and bytes). One bad address
    among many fails alone, and is named; what cannot be fetched is named by the job.

    Raises ``InvalidAddress`` for the one ``url``, and ``KnowledgeBaseNotFound``.
    """
    fetcher = context.fetcher or open_fetcher(context.settings)
    if url is not None:
        try:
            fetcher.check(url.strip())
        except FetchFailed as refused:
            raise InvalidAddress(refused.detail) from None
    async with context.database.reading() as connection:
        await knowledge_bases.get_owned(connection, id=knowledge_base_id, owner_id=owner_id)
    links = [url] if url is not None else list(urls)
    items = _linked(fetcher, kind, links, context.settings.import_max_files) if file is None else []
    if file is not None:
        items = _of_file(fetcher, kind, *file, context.settings.import_max_files)
        if any(item.sent for item in items):
            await context.blobs.put(bundle.sent_key(id), file[1])
    key = bundle.plan_key(id)
    await context.blobs.put(key, bundle.pack(Plan(items)))
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
            file_name=file[0] if file is not None else links[0],
            blob_key=key,
            options=options,
        )
        await defer(session, "fetch_import", lock=f"import:{id}", import_id=str(id))
        await keep(session, once, made)
        return made


def _linked(fetcher: Fetcher, kind: LinkKind, urls: Sequence[str], most: int) -> list[Item]:
    """Each address once; beyond ``most`` the rest is one failure."""
    each = list(dict.fromkeys(url.strip() for url in urls))
    items = []
    for url in each[:most]:
        try:
            fetcher.check(url)
        except FetchFailed as refused:
            items.append(Item(kind=kind, name=url[:2000], code=refused.code, detail=refused.detail))
        else:
            items.append(Item(kind=kind, name=url, url=url))
    if len(each) > most:
        detail = f"An import takes at most {most} addresses; {len(each) - most} were left out."
        items.append(Item(kind=kind, name="…", code="too_many_entries", detail=detail))
    return items


def _of_file(fetcher: Fetcher, kind: LinkKind, name: str, data: bytes, most: int) -> list[Item]:
    """A page that was saved, or the links of a list."""
    if kind != "feed" and _is_page(name, data):
        return [Item(kind=kind, name=name, sent=True)]
    try:
        links = read_links(name, data, feeds=kind == "feed")
    except UnreadableFile as refusal:
        return [Item(kind=kind, name=name, code=refusal.code, detail=refusal.detail)]
    return _linked(fetcher, kind, links, most)


def _is_page(name: str, data: bytes) -> bool:
    opening = data[:1024].lstrip().lower()
    return name.lower().endswith(PAGE_SUFFIXES) or opening.startswith((b"<!doctype html", b"<html"))
