"""Knowledge bases: made, changed, published, outlined."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, FromQuery, JSONBody

from billing.money import Money
from service.creator_api.schemas import KnowledgeBaseBody, KnowledgeBaseChanges, PublishBody
from service.http.inputs import InvalidInput
from service.http.login import Person
from service.http.paging import Page, PageRequest, decode_cursor, encode_cursor
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.knowledge.outlining import Outline, as_markdown, as_mermaid, as_opml, as_svg
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.platform.settings import Settings
from service.usecases import change_knowledge_base, create_knowledge_base, publish_knowledge_base
from service.usecases.context import Context
from service.usecases.read_knowledge_base import read_outline

OutlineFormat = Literal["json", "markdown", "mermaid", "opml", "svg"]
MARKDOWN, MERMAID, OPML, SVG = "text/markdown", "text/vnd.mermaid", "text/x-opml", "image/svg+xml"


@dataclass
class OutlineOperation(Operation):
    """Litestar documents one media type an answer; an outline has five."""

    def __post_init__(self) -> None:
        done = (self.responses or {}).get("200")
        if isinstance(done, OpenAPIResponse) and done.content is not None:
            text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
            done.content |= dict.fromkeys((MARKDOWN, MERMAID, OPML, SVG), text)


@post("/knowledge-bases")
async def create(
    data: JSONBody[KnowledgeBaseBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> KnowledgeBaseFact:
    """A draft; nobody else sees it."""
    return await create_knowledge_base.create_knowledge_base(
        context,
        id=new_id(),
        owner_id=person.account_id,
        title=data.title.strip(),
        summary=data.summary,
        category=data.category,
        tags=data.tags,
        language=data.language,
        visibility=data.visibility,
        free_questions=data.free_questions,
        api_access=data.api_access,
        api_price=_api_price(data.api_price, context.settings),
        once=once,
    )


@get("/knowledge-bases")
async def list_own(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[KnowledgeBaseFact]:
    """One's own, newest first."""
    bound = f"knowledge-bases:{person.account_id}"
    before = UUID(decode_cursor(page.cursor, bound)[0]) if page.cursor else None
    found = await change_knowledge_base.list_own_knowledge_bases(
        context, owner_id=person.account_id, before=before, limit=page.limit + 1
    )
    more = len(found) > page.limit
    shown = found[: page.limit]
    return Page(data=shown, next_cursor=encode_cursor([shown[-1].id], bound) if more else None)


@get("/knowledge-bases/{knowledge_base_id:uuid}")
async def read(
    knowledge_base_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> KnowledgeBaseFact:
    """One of one's own."""
    return await change_knowledge_base.read_own_knowledge_base(
        context, id=knowledge_base_id, owner_id=person.account_id
    )


@patch("/knowledge-bases/{knowledge_base_id:uuid}")
async def change(
    knowledge_base_id: FromPath[UUID],
    data: JSONBody[KnowledgeBaseChanges],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> KnowledgeBaseFact:
    """Changes what is given."""
    if isinstance(data.api_price, Money):
        _api_price(data.api_price, context.settings)
    changes = {
        name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET
    }
    return await change_knowledge_base.change_knowledge_base(
        context, id=knowledge_base_id, owner_id=person.account_id, changes=changes
    )


def _api_price(price: Money | None, settings: Settings) -> Money | None:
    """The price of a metered call, if an invoice can carry it. Raises ``InvalidInput``."""
    if price is None:
        return None
    if price.currency != settings.currency:
        raise InvalidInput(("/api_price/currency", f"calls are invoiced in {settings.currency}"))
    if not 0 <= price.amount <= settings.plan_max_amount:
        raise InvalidInput(("/api_price/amount", f"must be 0 to {settings.plan_max_amount}"))
    return price


@delete("/knowledge-bases/{knowledge_base_id:uuid}")
async def remove(
    knowledge_base_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> None:
    """Gone for everybody."""
    await change_knowledge_base.delete_knowledge_base(
        context, id=knowledge_base_id, owner_id=person.account_id
    )


@post("/knowledge-bases/{knowledge_base_id:uuid}/publish", status_code=200)
async def publish(
    knowledge_base_id: FromPath[UUID],
    data: JSONBody[PublishBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> KnowledgeBaseFact:
    """Before readers from now on; on the square within two seconds, if it is public."""
    return await publish_knowledge_base.publish_knowledge_base(
        context,
        id=knowledge_base_id,
        owner_id=person.account_id,
        rights_declared=data.rights_declared,
        once=once,
    )


@post("/knowledge-bases/{knowledge_base_id:uuid}/unpublish", status_code=200)
async def unpublish(
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> KnowledgeBaseFact:
    """Ends sales and renewals; paid periods run out."""
    return await publish_knowledge_base.unpublish_knowledge_base(
        context, id=knowledge_base_id, owner_id=person.account_id, once=once
    )


@get(
    "/knowledge-bases/{knowledge_base_id:uuid}/outline",
    operation_class=OutlineOperation,
    responses={200: ResponseSpec(Outline, description="The outline.", generate_examples=False)},
)
async def outline(
    knowledge_base_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    format: FromQuery[OutlineFormat] = "json",
) -> Response[bytes]:
    """The headings as a tree, each node with its document, revision and span."""
    found = await read_outline(context, knowledge_base_id=knowledge_base_id, owner_id=person.account_id)
    body, media_type = _rendered(found, format)
    return Response(body, media_type=media_type)


def _rendered(found: Outline, format: OutlineFormat) -> tuple[bytes, str]:
    match format:
        case "json":
            return msgspec.json.encode(found), "application/json"
        case "markdown":
            return as_markdown(found).encode(), MARKDOWN
        case "mermaid":
            return as_mermaid(found).encode(), MERMAID
        case "opml":
            return as_opml(found).encode(), OPML
        case "svg":
            return as_svg(found).encode(), SVG


handlers = [create, list_own, read, change, remove, publish, unpublish, outline]
