"""Tips: a reader thanks a creator."""

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from service.http.inputs import InvalidInput
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.subscriber_api.schemas import TipBody
from service.usecases import list_tips, send_tip
from service.usecases.context import Context
from service.usecases.list_tips import GivenTip
from service.usecases.send_tip import TipStarted


@post("/tips")
async def send(
    data: JSONBody[TipBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> TipStarted:
    """A page to pay the tip on. Anonymous means towards the creator."""
    if (data.knowledge_base_id is None) == (data.handle is None):
        raise InvalidInput(("/knowledge_base_id", "give either knowledge_base_id or handle"))
    return await send_tip.send_tip(
        context,
        id=new_id(),
        account_id=person.account_id,
        knowledge_base_id=data.knowledge_base_id,
        handle=data.handle,
        price=data.price,
        message=data.message,
        anonymous=data.anonymous,
        success_url=data.success_url,
        cancel_url=data.cancel_url,
        once=once,
    )


@get("/tips")
async def list_own(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[GivenTip]:
    """Those you gave, paid or not, newest first."""
    bound = f"given tips {person.account_id}"
    rows = await list_tips.list_tips(
        context, account_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(rows, page, bound, position=lambda row: row.id)


handlers = [send, list_own]
