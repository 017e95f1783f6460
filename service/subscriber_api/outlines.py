"""Key points and mind maps, within what the reader may read."""

from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.http.login import Person
from service.http.outlines import OUTLINED, OutlineFormat, outlined
from service.usecases.context import Context
from service.usecases.read_outline import read_outline

PATH = "/knowledge-bases/{id_or_slug:str}"


@get(PATH + "/outline", **OUTLINED)
async def outline(
    id_or_slug: FromPath[str],
    visitor: NamedDependency[Person | None],
    context: NamedDependency[Context],
    format: FromQuery[OutlineFormat] = "json",
) -> Response[bytes]:
    """Key points and a mind map of the documents open to this reader, and of nothing else."""
    account_id = visitor.account_id if visitor else None
    return outlined(await read_outline(context, id_or_slug=id_or_slug, account_id=account_id), format)


@get(PATH + "/documents/{document_id:uuid}/outline", **OUTLINED)
async def outline_of_document(
    id_or_slug: FromPath[str],
    document_id: FromPath[UUID],
    visitor: NamedDependency[Person | None],
    context: NamedDependency[Context],
    format: FromQuery[OutlineFormat] = "json",
) -> Response[bytes]:
    """The same of one document; 402 with the plans when it is not open to the reader."""
    account_id = visitor.account_id if visitor else None
    found = await read_outline(context, id_or_slug=id_or_slug, account_id=account_id, document_id=document_id)
    return outlined(found, format)


handlers = [outline, outline_of_document]
