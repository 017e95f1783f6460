"""What changed in a knowledge base, for feed readers."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.usecases.context import Context
from service.usecases.read_changes import read_public_changes
from service.usecases.read_knowledge_base import read_knowledge_base
from service.web.rendering import AnyRequest, feed

ENTRIES = 50


@get("/k/{slug:str}/changes.atom")
async def changes(
    request: AnyRequest, slug: FromPath[str], context: NamedDependency[Context]
) -> Response[bytes]:
    """The newest changes of what is free to read: the same for everybody."""
    base = await read_knowledge_base(context, id_or_slug=slug, account_id=None)
    found = await read_public_changes(context, id_or_slug=slug, limit=ENTRIES)
    updated = found[0].at if found else base.published_at
    return feed(request, "changes.xml", base=base, changes=found, updated=updated)


handlers = [changes]
