"""An organization's webhook endpoints, kept by its owners, admins and developers, and what they hear of."""

from uuid import UUID

from litestar import Router
from litestar.di import Provide
from litestar.params import FromPath

from service.http import webhooks_out
from service.outgoing.endpoints import Owner


def provide_owner(organization_id: FromPath[UUID]) -> Owner:
    return Owner(organization_id=organization_id)


router = Router(
    path="/organizations/{organization_id:uuid}",
    route_handlers=webhooks_out.handlers,
    dependencies={"owner": Provide(provide_owner, sync_to_thread=False)},
    tags=["webhooks"],
)
