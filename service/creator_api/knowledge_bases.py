"""Knowledge bases: made, changed, published."""

from uuid import UUID

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from billing.money import Money
from service.creator_api.schemas import KnowledgeBaseBody, KnowledgeBaseChanges, PublishBody
from service.http.inputs import InvalidInput
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.knowledge.knowledge_bases import KnowledgeBaseFact
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.platform.settings import Settings
from service.usecases import change_knowledge_base, create_knowledge_base, publish_knowledge_base
from service.usecases.context import Context


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
    found = await change_knowledge_base.list_own_knowledge_bases(
        context, owner_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(found, page, bound, position=lambda row: row.id)


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


handlers = [create, list_own, read, change, remove, publish, unpublish]
