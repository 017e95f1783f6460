"""A creator at the doors of webhooks, and the worker's job at hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa
from litestar import Router

from service.creator_api import webhook_endpoints as of_creators
from service.enterprise_api import organizations
from service.enterprise_api import webhook_endpoints as of_organizations
from service.outgoing.events import announce
from service.platform.database import Database
from service.platform.egress import Egress
from service.subscriber_api.accounts import router as sign_in
from service.usecases.context import Context
from service.usecases.deliver_webhooks import deliver_webhooks
from tests.integration.serving import SETTINGS, SignedIn, bare_context, register, serving

OUTGOING = SETTINGS.model_copy(
    update={
        "egress_allow_loopback": True,
        "outgoing_retry_seconds": "0,0,0",
        "outgoing_timeout_seconds": 0.5,
        "outgoing_response_bytes": 20,
    }
)
CREATOR = "/creator/v1"
DOORS = (
    sign_in,
    Router(path=CREATOR, route_handlers=[of_creators.router]),
    Router(path="/enterprise/v1", route_handlers=[*organizations.handlers, of_organizations.router]),
)


@dataclass
class Desk:
    """A creator at the doors, and the worker's job at hand."""

    context: Context
    client: httpx.AsyncClient
    creator: SignedIn

    async def call(self, method: str, path: str, body: Any = None, expect: int = 200, **headers: str) -> Any:
        answer = await self.client.request(method, path, json=body, headers=self.creator.headers | headers)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def endpoint(self, url: str, types: list[str] | None = None, at: str = CREATOR) -> Any:
        return await self.call("POST", f"{at}/webhook-endpoints", {"url": url, "types": types}, 201)

    async def happens(self, type: str = "tip.received", about: UUID | None = None, **data: object) -> None:
        async with self.context.database.transaction() as session:
            await announce(
                session, type, account_id=UUID(self.creator.id), object_id=about or uuid4(), data=data
            )

    async def deliver(self) -> None:
        await deliver_webhooks(self.context)

    async def deliveries(self, endpoint: Any) -> list[Any]:
        found = await self.call("GET", f"{CREATOR}/webhook-endpoints/{endpoint['id']}/deliveries")
        listed: list[Any] = found["data"]
        return listed

    async def execute(self, statement: str, **values: Any) -> None:
        async with self.context.database.transaction() as session:
            await session.execute(sa.text(statement), values)

    def with_settings(self, **changes: Any) -> "Desk":
        settings = self.context.settings.model_copy(update=changes)
        return replace(self, context=replace(self.context, settings=settings))


@asynccontextmanager
async def desk_open(database: Database) -> AsyncIterator[Desk]:
    egress = Egress(ports=(80, 443), allow_loopback=True)
    context = bare_context(database, OUTGOING, egress=egress)
    async with serving(context, DOORS) as client:
        yield Desk(context, client, await register(client, "creator"))
