"""Reading: a knowledge base's card, and the documents open to the reader."""

from typing import Any
from uuid import UUID

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.http.login import Person
from service.http.networks import network_of
from service.http.paging import Page, PageRequest, paged, position_of
from service.usecases import read_knowledge_base
from service.usecases.context import Context
from service.usecases.read_knowledge_base import DocumentPage, KnowledgeBasePage, Listed

AnyRequest = Request[Any, Any, Any]
PATH = "/knowledge-bases/{id_or_slug:str}"


@get(PATH)
async def read(
    id_or_slug: FromPath[str], visitor: NamedDependency[Person | None], context: NamedDependency[Context]
) -> KnowledgeBasePage:
    """A knowledge base by id or slug, with the reader's entitlement and why."""
    return await read_knowledge_base.read_knowledge_base(
        context, id_or_slug=id_or_slug, account_id=visitor.account_id if visitor else None
    )


@get(PATH + "/documents")
async def list_documents(
    id_or_slug: FromPath[str],
    visitor: NamedDependency[Person | None],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[Listed]:
    """The documents this reader may open."""
    account_id = visitor.account_id if visitor else None
    bound = f"readable:{id_or_slug}:{account_id}"
    found = await read_knowledge_base.list_readable_documents(
        context,
        id_or_slug=id_or_slug,
        account_id=account_id,
        after=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(found, page, bound, position=lambda row: row.id)


@get(PATH + "/documents/{document_id:uuid}")
async def read_document(
    request: AnyRequest,
    id_or_slug: FromPath[str],
    document_id: FromPath[UUID],
    visitor: NamedDependency[Person | None],
    context: NamedDependency[Context],
    revision_id: FromQuery[UUID | None] = None,
) -> DocumentPage:
    """The text, or an earlier revision of it; 402 with the plans when it is not open to the reader."""
    return await read_knowledge_base.read_document(
        context,
        knowledge_base=id_or_slug,
        document_id=document_id,
        revision_id=revision_id,
        account_id=visitor.account_id if visitor else None,
        network=network_of(request),
    )


handlers = [read, list_documents, read_document]
