"""Programs search by key: one unit of the meter ``passages`` a call."""

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import JSONBody

from service.access.calls import KeyPrincipal
from service.enterprise_api.asking import Found, PassagesBody
from service.http.asking import checked_ids, checked_text, metering_headers
from service.http.inputs import InvalidInput
from service.http.keys import KeyCredential
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.retrieve_passages import retrieve_passages


@post("/passages", status_code=200)
async def search(
    data: JSONBody[PassagesBody],
    credential: NamedDependency[KeyCredential],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Response[Found]:
    """The passages nearest to the query, best first, word for word."""
    settings = context.settings
    if not 1 <= data.top_k <= settings.passages_max_top_k:
        raise InvalidInput(("/top_k", f"must be 1 to {settings.passages_max_top_k}"))
    found = await retrieve_passages(
        context,
        id=new_id(),
        principal=KeyPrincipal(credential.secret_hash),
        knowledge_base_ids=checked_ids(
            data.knowledge_base_ids, "/knowledge_base_ids", most=settings.knowledge_bases_per_request
        ),
        query=checked_text(data.query, "/query", longest=settings.query_max_characters),
        top_k=data.top_k,
        once=once,
    )
    return Response(
        Found(passages=found.passages, usage=found.usage),
        media_type=MediaType.JSON,
        headers=metering_headers(found.cap_remaining, found.usage.billed_units, pace=found.pace),
        status_code=200,
    )


handlers = [search]
