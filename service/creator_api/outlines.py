"""Key points and mind maps of one's own."""

from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.http.login import Person
from service.http.outlines import OUTLINED, OutlineFormat, outlined
from service.usecases.context import Context
from service.usecases.read_outline import read_own_outline

PATH = "/knowledge-bases/{knowledge_base_id:uuid}"


@get(PATH + "/outline", **OUTLINED)
async def outline(
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    format: FromQuery[OutlineFormat] = "json",
) -> Response[bytes]:
    """Key points and a mind map, each node with its document, revision, span and the span's hash."""
    found = await read_own_outline(context, knowledge_base_id=knowledge_base_id, owner_id=person.account_id)
    return outlined(found, format)


@get(PATH + "/documents/{document_id:uuid}/outline", **OUTLINED)
async def outline_of_document(
    knowledge_base_id: FromPath[UUID],
    document_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    format: FromQuery[OutlineFormat] = "json",
) -> Response[bytes]:
    """The same of one document."""
    found = await read_own_outline(
        context, knowledge_base_id=knowledge_base_id, owner_id=person.account_id, document_id=document_id
    )
    return outlined(found, format)


handlers = [outline, outline_of_document]
