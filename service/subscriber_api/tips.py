"""Tips: a reader thanks a creator."""

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from service.http.inputs import InvalidInput
from service.http.login import Person
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.subscriber_api.schemas import TipBody
from service.usecases import send_tip
from service.usecases.context import Context
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


handlers = [send]
