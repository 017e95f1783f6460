"""A shop for tests of money: the real doors and the real gateway on a sandbox, events brought by hand.

The sandbox sends its events to a listener; a test decides which of them reach the doors, in what order, how
often, and when the work they ask for is done.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import sqlalchemy as sa
import stripe
from pydantic import SecretStr

from billing.processor.config import ProcessorConfig
from billing.processor.stripe_gateway import StripeGateway
from billing.processor.tables import stripe_event
from service.creator_api.router import router as creator_api
from service.enterprise_api.router import router as enterprise_api
from service.operator_api.router import router as operator_api
from service.platform.database import Database
from service.subscriber_api.accounts import router as sign_in
from service.subscriber_api.router import router as subscriber_api
from service.usecases.context import Context
from service.usecases.settle_stripe_event import settle_stripe_events
from service.webhooks.stripe import router as webhooks
from service.worker import JOBS
from tests.contract.sandbox_process import SECRET, Sandbox
from tests.integration.serving import SETTINGS, SignedIn, bare_context, register, serving

DOORS = (sign_in, creator_api, subscriber_api, enterprise_api, operator_api, webhooks)
PAYS = "4242424242424242"
DECLINED = "4000000000000002"
FAILS_LATER = "4000000000000341"
MONTHLY = {"interval": "month", "price": {"amount": 990, "currency": "cny"}}


@dataclass
class Shop:
    """A creator with a published knowledge base, and the way from its doors to the sandbox and back."""

    context: Context
    client: httpx.AsyncClient
    sandbox: Sandbox
    creator: SignedIn
    base: dict[str, Any]
    heard: int = 0

    async def call(
        self, method: str, path: str, who: SignedIn, body: Any = None, expect: int = 200, **headers: str
    ) -> Any:
        """A call of a door; fails unless it is answered ``expect``."""
        answer = await self.client.request(method, path, json=body, headers=who.headers | headers)
        assert answer.status_code == expect, answer.text
        return answer.json() if answer.content else None

    async def reader(self, name: str = "reader") -> SignedIn:
        return await register(self.client, name)

    async def plan(self, **plan: Any) -> dict[str, Any]:
        body = plan or MONTHLY
        path = f"/creator/v1/knowledge-bases/{self.base['id']}/plans"
        made: dict[str, Any] = await self.call("POST", path, self.creator, body, 201)
        return made

    async def checkout(self, reader: SignedIn, plan: dict[str, Any], expect: int = 201) -> Any:
        path = f"/v1/knowledge-bases/{self.base['id']}/checkout"
        return await self.call("POST", path, reader, {"plan_id": plan["id"]}, expect)

    async def pay(self, url: str, card: str = PAYS, **fields: str) -> httpx.Response:
        async with httpx.AsyncClient() as http:
            return await http.post(url, data={"card": card, **fields})

    async def subscribe(self, reader: SignedIn, plan: dict[str, Any]) -> Any:
        """Pays for the plan, and has all of it settled; returns the subscription."""
        await self.pay((await self.checkout(reader, plan))["checkout_url"])
        await self.settle("invoice.paid")
        return (await self.call("GET", "/v1/subscriptions", reader))["data"][0]

    async def earned(self, **query: str) -> Any:
        answer = await self.client.get("/creator/v1/earnings", params=query, headers=self.creator.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["balances"]

    async def events(self, *awaited: str) -> list[str]:
        """What the sandbox sent since the last call, raw, once every type of ``awaited`` is among it."""
        deadline = time.monotonic() + 10
        listener = self.sandbox.listener
        while time.monotonic() < deadline:
            types = {event["type"] for event in listener.events[self.heard :]}
            if types.issuperset(awaited) and self._all_sent():
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError(f"waited for {awaited}, came {types}")
        new = listener.raw[self.heard :]
        self.heard += len(new)
        return new

    def _all_sent(self) -> bool:
        sent = self.sandbox.control("deliveries", method="GET")["data"]
        return all(one["delivered"] for one in sent)

    async def deliver(self, raw: Iterable[str]) -> None:
        for body in raw:
            signature = stripe.WebhookSignature.generate_signature_header(body, SECRET)
            thin = json.loads(body)["object"] == "v2.core.event"
            answer = await self.client.post(
                f"/webhooks/stripe{'/thin' if thin else ''}",
                content=body,
                headers={"stripe-signature": signature},
            )
            assert answer.status_code == 200, answer.text

    async def work(self) -> None:
        """Does what the worker would: every lane with something due."""
        query = sa.select(stripe_event.c.lane).where(stripe_event.c.status == "stored").distinct()
        async with self.context.database.reading() as connection:
            lanes = (await connection.execute(query)).scalars().all()
        await asyncio.gather(*(settle_stripe_events(self.context, lane=lane) for lane in lanes))

    async def settle(self, *awaited: str) -> None:
        await self.deliver(await self.events(*awaited))
        await self.work()

    async def run_jobs(self, *names: str) -> int:
        """Runs the jobs of these names that wait, and those that come of them; returns how many."""
        ran = 0
        query = (
            "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = ANY (:names) RETURNING *"
        )
        while True:
            async with self.context.database.transaction() as session:
                jobs = (await session.execute(sa.text(query), {"names": list(names)})).all()
            for job in jobs:
                await JOBS[job.task_name](self.context, **job.args)
            if not jobs:
                return ran
            ran += len(jobs)

    async def rows(self, query: str, **values: Any) -> Any:
        async with self.context.database.reading() as connection:
            return (await connection.execute(sa.text(query), values)).all()


@asynccontextmanager
async def shop_open(database: Database, sandbox: Sandbox, **changed: Any) -> AsyncIterator[Shop]:
    """A shop on a fresh database; ``sandbox`` may be shared with other tests, ``changed`` are settings."""
    settings = SETTINGS.model_copy(
        update={"stripe_webhook_secrets": SecretStr(f"whsec_new,{SECRET}"), **changed}
    )
    config = ProcessorConfig(
        api_key="sk_test_shop", api_base=sandbox.url, automatic_tax=settings.stripe_automatic_tax
    )
    gateway = StripeGateway(config)
    context = bare_context(database, settings, payments=gateway)
    try:
        async with serving(context, DOORS) as client:
            creator = await register(client, "creator")
            shop = Shop(context, client, sandbox, creator, {}, heard=len(sandbox.listener.events))
            await shop.call("PUT", "/creator/v1/profile", creator, {"handle": "creator", "name": "C"})
            shop.base = await shop.call(
                "POST",
                "/creator/v1/knowledge-bases",
                creator,
                {"title": "知識庫", "language": "zh-Hant"},
                201,
            )
            path = f"/creator/v1/knowledge-bases/{shop.base['id']}/publish"
            await shop.call("POST", path, creator, {"rights_declared": True})
            yield shop
    finally:
        await gateway.close()
