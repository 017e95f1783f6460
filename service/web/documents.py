"""A document's page, opened at the exact span an answer cites."""

from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from service.http.login import Person
from service.http.networks import network_of
from service.usecases.context import Context
from service.usecases.read_knowledge_base import read_document, read_knowledge_base
from service.web.rendering import AnyRequest, page
from service.web.showing import window


@get("/k/{slug:str}/d/{document_id:uuid}")
async def document(
    request: AnyRequest,
    slug: FromPath[str],
    document_id: FromPath[UUID],
    context: NamedDependency[Context],
    visitor: NamedDependency[Person | None],
    revision_id: FromQuery[UUID | None] = None,
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
    begin: FromQuery[int | None] = None,
) -> Response[str]:
    """Under the same access as the call for programs: 402 with the plans, or 404, where it is not open.

    ``start`` and ``end`` are code points of the revision's text, as citations give them; ``begin`` turns
    the pages of a long document.
    """
    account_id = visitor.account_id if visitor else None
    found = await read_document(
        context,
        knowledge_base=slug,
        document_id=document_id,
        revision_id=revision_id,
        account_id=account_id,
        network=network_of(request),
    )
    base = await read_knowledge_base(context, id_or_slug=slug, account_id=account_id)
    return page(
        request,
        "document.html",
        index=found.tier == "free" and base.visibility == "public" and not request.query_params,
        base=base,
        document=found,
        window=window(found, start=start, end=end, begin=begin),
    )


handlers = [document]
