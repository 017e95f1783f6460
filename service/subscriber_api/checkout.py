"""Checkout: a reader goes to pay for a plan."""

from typing import Any
from uuid import UUID

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.http.login import Person
from service.http.marks import visitor_mark
from service.platform.idempotency import Once
from service.subscriber_api.schemas import CheckoutBody
from service.usecases import start_subscription
from service.usecases.context import Context
from service.usecases.start_subscription import CheckoutStarted


@post("/knowledge-bases/{knowledge_base_id:uuid}/checkout")
async def start(
    request: Request[Any, Any, Any],
    knowledge_base_id: FromPath[UUID],
    data: JSONBody[CheckoutBody],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> CheckoutStarted:
    """A page to pay on, in place of one left unpaid. Access follows the payment within two seconds."""
    return await start_subscription.start_subscription(
        context,
        account_id=person.account_id,
        knowledge_base_id=knowledge_base_id,
        plan_id=data.plan_id,
        success_url=data.success_url,
        cancel_url=data.cancel_url,
        once=once,
        visitor=visitor_mark(request),
    )


handlers = [start]
