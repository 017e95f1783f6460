"""A creator's webhook endpoints, and what they hear of."""

from typing import Any

from litestar import Request, Router
from litestar.di import Provide

from service.http import webhooks_out
from service.http.login import find_person
from service.outgoing.endpoints import Owner


async def provide_owner(request: Request[Any, Any, Any]) -> Owner:
    return Owner(account_id=(await find_person(request)).account_id)


router = Router(
    path="/",
    route_handlers=webhooks_out.handlers,
    dependencies={"owner": Provide(provide_owner)},
    tags=["webhooks"],
)
