"""Documents: uploaded, listed, moved between tiers, removed."""

from uuid import UUID

import msgspec
from litestar import delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, MultipartBody

from service.creator_api.schemas import DocumentChanges, DocumentForm, EditionBody, FileForm
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.knowledge.documents import DocumentFact
from service.knowledge.editions import Said, said
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import add_document, change_document
from service.usecases.context import Context

PATH = "/knowledge-bases/{knowledge_base_id:uuid}/documents"


@post(PATH, status_code=202)
async def add(
    knowledge_base_id: FromPath[UUID],
    data: MultipartBody[DocumentForm],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> DocumentFact:
    """Takes a file; poll the document until it is ``ready`` or ``failed``."""
    return await add_document.add_document(
        context,
        id=new_id(),
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        file_name=data.file.filename,
        data=await data.file.read(),
        tier=data.tier,
        once=once,
    )


@get(PATH)
async def list_documents(
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[DocumentFact]:
    """In the order they came."""
    bound = f"documents:{knowledge_base_id}:{person.account_id}"
    found = await change_document.list_own_documents(
        context,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        after=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(found, page, bound, position=lambda row: row.id)


@get(PATH + "/{document_id:uuid}")
async def read(
    knowledge_base_id: FromPath[UUID],
    document_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> DocumentFact:
    """How far a document is, and the reason if it failed."""
    return await change_document.read_own_document(
        context, document_id=document_id, knowledge_base_id=knowledge_base_id, owner_id=person.account_id
    )


@put(PATH + "/{document_id:uuid}/file", status_code=202)
async def replace(
    knowledge_base_id: FromPath[UUID],
    document_id: FromPath[UUID],
    data: MultipartBody[FileForm],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> DocumentFact:
    """Another file for the document: a new revision; what cites the old one still finds it."""
    return await add_document.replace_file(
        context,
        document_id=document_id,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        file_name=data.file.filename,
        data=await data.file.read(),
    )


@patch(PATH + "/{document_id:uuid}")
async def change(
    knowledge_base_id: FromPath[UUID],
    document_id: FromPath[UUID],
    data: JSONBody[DocumentChanges],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> DocumentFact:
    """Moves it to another tier, gives it another title, or says which edition it is of which work."""
    return await change_document.change_document(
        context,
        document_id=document_id,
        knowledge_base_id=knowledge_base_id,
        owner_id=person.account_id,
        tier=None if data.tier is msgspec.UNSET else data.tier,
        title=None if data.title is msgspec.UNSET else data.title,
        edition=_edition(data),
    )


@delete(PATH + "/{document_id:uuid}")
async def remove(
    knowledge_base_id: FromPath[UUID],
    document_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> None:
    """Gone for everybody; no answer is drawn from it any more."""
    await change_document.remove_document(
        context, document_id=document_id, knowledge_base_id=knowledge_base_id, owner_id=person.account_id
    )


def _edition(data: DocumentChanges) -> Said | None:
    match data.edition:
        case EditionBody(work=work, edition=edition):
            return said(work, edition)
        case None:
            return said(None, "")
        case "recognised":
            return "recognised"
        case _:
            return None


handlers = [add, list_documents, read, replace, change, remove]
