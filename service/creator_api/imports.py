"""Imports: many documents from one file, watched as they arrive."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage

from service.creator_api.schemas import ImportBody, ImportForm
from service.http.asking import EVENT_STREAM
from service.http.inputs import InvalidInput, UnsupportedMediaType, explained, read_form, read_json
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.knowledge.imports import LINK_KINDS, ImportFact, Options
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import import_documents, import_links
from service.usecases.context import Context

WATCH_SECONDS = 0.3
PATH = "/knowledge-bases/{knowledge_base_id:uuid}/imports"


@post(
    PATH,
    status_code=202,
    opt={"upload": True, "bodies": {"application/json": ImportBody, "multipart/form-data": ImportForm}},
)
async def request_import(
    request: Request[Any, Any, Any],
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> ImportFact:
    """Takes ``multipart/form-data`` with ``kind``, ``file``, ``tier``, or JSON with ``kind`` and ``url``.

    ``url``, ``wechat_article`` and ``feed`` take one ``url``, many ``urls``, or a ``file``: a list of links
    (a text, JSON or OPML), or of the first two a saved page. The other kinds take a ``file``; a chat or a
    transcript may also be an archive of such.
    """
    sent, file = await _read(request)
    given = [each for each in (sent.url, sent.urls, file) if each is not None]
    if sent.kind in LINK_KINDS:
        if len(given) != 1:
            raise InvalidInput(("/url", "exactly one of url, urls and file is required for this kind"))
        follow = sent.kind == "feed" if sent.follow is None else sent.follow
        return await import_links.request_links(
            context,
            id=new_id(),
            knowledge_base_id=knowledge_base_id,
            owner_id=person.account_id,
            kind=sent.kind,
            url=sent.url,
            urls=sent.urls or [],
            file=None if file is None else (file.filename, await file.read()),
            tier=sent.tier,
            options=Options(follow=follow),
            once=once,
        )
    if file is None:
        raise InvalidInput(("/file", "is required for this kind"))
    return await import_documents.request_import(
        context,
        id=new_id(),
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        kind=sent.kind,
        file_name=file.filename,
        data=await file.read(),
        tier=sent.tier,
        options=Options(hide_names=sent.hide_names),
        once=once,
    )


async def _read(request: Request[Any, Any, Any]) -> tuple[ImportBody, UploadFile | None]:
    """The fields and the file, from a form or from JSON. Raises ``InvalidInput``."""
    media_type = request.content_type[0]
    if media_type == "multipart/form-data":
        await read_form(request)
        fields: dict[str, Any] = dict((await request.form()).multi_items())
        file = fields.pop("file", None)
        if file is not None and not isinstance(file, UploadFile):
            raise InvalidInput(("/file", "must be a file"))
        if isinstance(urls := fields.get("urls"), str):
            fields["urls"] = [line.strip() for line in urls.splitlines() if line.strip()]
        return _converted(fields, strict=False), file
    if media_type not in {"", "application/json"}:
        raise UnsupportedMediaType("This call reads multipart/form-data or application/json.")
    await read_json(request, ImportBody)
    if not await request.body():
        raise InvalidInput(("/kind", "is required"))
    return _converted(await request.json()), None


def _converted(fields: Any, *, strict: bool = True) -> ImportBody:
    """With ``strict`` off, what a form can only write as text is taken as what it says."""
    try:
        return msgspec.convert(fields, ImportBody, strict=strict)
    except msgspec.ValidationError as error:
        raise InvalidInput(explained(str(error))) from None


@get(PATH)
async def list_imports(
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[ImportFact]:
    """Newest first; failed entries are listed with each import alone."""
    bound = f"imports:{knowledge_base_id}:{person.account_id}"
    found = await import_documents.list_imports(
        context,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(found, page, bound, position=lambda row: row.id)


@get("/imports/{import_id:uuid}")
async def read(
    import_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> ImportFact:
    """How far an import is; ``done`` counts entries that are ready, identical ones included."""
    return await import_documents.read_import(context, id=import_id, account_id=person.account_id)


@get("/imports/{import_id:uuid}/events", opt={"media_types": (EVENT_STREAM,)})
async def events(
    import_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> ServerSentEvent:
    """``progress`` with the import's state at every change, then ``done`` or ``failed`` with its last."""
    await import_documents.read_import(context, id=import_id, account_id=person.account_id)
    return ServerSentEvent(_events(context, import_id, person.account_id))


async def _events(context: Context, id: UUID, account_id: UUID) -> AsyncIterator[ServerSentEventMessage]:
    states = import_documents.watch_import(context, id=id, account_id=account_id, seconds=WATCH_SECONDS)
    async for state in states:
        ended = state.status in ("done", "failed")
        yield ServerSentEventMessage(
            event=state.status if ended else "progress", data=msgspec.json.encode(state).decode()
        )


handlers = [request_import, list_imports, read, events]
