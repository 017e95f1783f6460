"""A whole market in this process: every door, the real gate and gateway, a sandbox whose clock is moved.

Events are brought from the sandbox to the webhook door by hand, and the worker's jobs are done here, so that
a day ends when everything in it has been worked.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa
import stripe
from pydantic import SecretStr

from billing.processor.config import ProcessorConfig
from billing.processor.stripe_gateway import StripeGateway
from service.accounts.secrets import secret_hash
from service.creator_api.router import router as creator_api
from service.enterprise_api.router import router as enterprise_api
from service.mail.files import FileMail
from service.operator_api.router import router as operator_api
from service.platform.database import Database
from service.platform.ids import new_id
from service.subscriber_api.accounts import router as sign_in
from service.subscriber_api.router import router as subscriber_api
from service.usecases.admit_calls import Call, KeyPrincipal, admit_call
from service.usecases.context import Context
from service.usecases.open_gate import open_gate
from service.usecases.owned_tasks import drain
from service.usecases.settle_calls import Outcome, settle_call
from service.webhooks.stripe import router as webhooks
from service.worker import JOBS, PERIODIC
from tests.contract.sandbox_process import SECRET, Sandbox
from tests.integration.serving import SETTINGS, SignedIn, bare_context, register, serving

DAY = 86_400
PAYS = "4242424242424242"
FAILS_LATER = "4000000000000341"

DUE = sa.text(
    """
    SELECT id, task_name, args FROM procrastinate_jobs
    WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= zhihao_now())
    ORDER BY id
    """
)
BEGIN = sa.text("UPDATE procrastinate_jobs SET status = 'doing' WHERE id = :id")
DONE = sa.text("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = :id")
# As the worker does it, but for the wait being the market's own time.
AGAIN = sa.text(
    "UPDATE procrastinate_jobs SET status = 'todo', scheduled_at = zhihao_now() + interval '10 seconds'"
    " WHERE id = :id AND NOT EXISTS (SELECT FROM procrastinate_jobs AS other"
    " WHERE other.queueing_lock = procrastinate_jobs.queueing_lock AND other.status = 'todo')"
)
HURRIED = (
    "UPDATE processor_lane SET held_until = clock_timestamp() WHERE held_until > clock_timestamp()",
    "UPDATE stripe_event SET due_at = clock_timestamp() - interval '1 hour' WHERE status = 'stored'",
)
# What needs a search engine or the network is no part of this market.
NOT_MONEY = {
    *("index_card", "rebuild_cards", "index_document", "rebuild_index", "drop_index"),
    *("refresh_popularity", "follow_sources"),
}


@dataclass
class Creator:
    name: str
    who: SignedIn
    base_id: str
    currency: str
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Company:
    name: str
    owner: SignedIn
    id: str
    key: KeyPrincipal


@dataclass
class Market:
    context: Context
    client: httpx.AsyncClient
    sandbox: Sandbox
    outside: httpx.AsyncClient
    operator: SignedIn
    heard: int = 0
    # Whether jobs may fail and be tried again, since the sandbox is made to.
    faulty: bool = False

    async def call(self, method: str, path: str, who: SignedIn, body: Any = None, expect: int = 200) -> Any:
        answer = await self.client.request(method, path, json=body, headers=who.headers)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    # --- people ----------------------------------------------------------------------------------------

    async def creator(self, name: str, currency: str, monthly: int, yearly: int) -> Creator:
        """A published knowledge base with a monthly plan, a yearly one, one with a trial and a pass."""
        who = await register(self.client, name)
        await self.call("PUT", "/creator/v1/profile", who, {"handle": name, "name": name})
        body = {"title": name, "language": "zh-Hant"}
        base = await self.call("POST", "/creator/v1/knowledge-bases", who, body, 201)
        path = f"/creator/v1/knowledge-bases/{base['id']}"
        made = Creator(name, who, base["id"], currency)
        offers: dict[str, dict[str, Any]] = {
            "month": {"interval": "month", "price": {"amount": monthly, "currency": currency}},
            "year": {"interval": "year", "price": {"amount": yearly, "currency": currency}},
            "pass": {"interval": "once", "days": 10, "price": {"amount": monthly, "currency": currency}},
        }
        for kind, offer in offers.items():
            made.plans[kind] = await self.call("POST", f"{path}/plans", who, offer, 201)
        await self.call("POST", f"{path}/publish", who, {"rights_declared": True})
        return made

    async def onboard(self, creator: Creator) -> None:
        """The creator says at the hosted page who they are, and can be paid."""
        body = {"return_url": "http://127.0.0.1/"}
        page = await self.call("POST", "/creator/v1/payout-account", creator.who, body, 201)
        answer = await self.outside.post(page["onboarding_url"], data={"country": "US"})
        assert answer.status_code == 303, answer.text[:500]

    async def company(self, name: str) -> Company:
        """An organization with a contract in force and a key."""
        owner = await register(self.client, name)
        made = await self.call("POST", "/enterprise/v1/organizations", owner, {"name": name}, 201)
        path = f"/enterprise/v1/organizations/{made['id']}"
        page = await self.call("POST", f"{path}/contract", owner, None, 201)
        await self.pay(page["checkout_url"])
        scopes = ["passages:read", "answers:write"]
        key = await self.call("POST", f"{path}/keys", owner, {"name": "k", "scopes": scopes}, 201)
        return Company(name, owner, made["id"], KeyPrincipal(secret_hash(key["secret"])))

    async def reader(self, name: str) -> SignedIn:
        return await register(self.client, name)

    async def pay(self, url: str, card: str = PAYS) -> None:
        answer = await self.outside.post(url, data={"card": card})
        assert answer.status_code == 303, answer.text[:500]

    async def buy(self, reader: SignedIn, creator: Creator, plan: str, card: str = PAYS) -> None:
        body = {"plan_id": creator.plans[plan]["id"]}
        page = await self.call("POST", f"/v1/knowledge-bases/{creator.base_id}/checkout", reader, body, 201)
        await self.pay(page["checkout_url"], card)

    async def metered(self, company: Company, meter: Any, drawn: dict[str, int]) -> int:
        """One metered call that cites ``drawn`` (base id to citations); returns what it cost."""
        bases = tuple(UUID(base) for base in drawn)
        admission = await admit_call(self.context, Call(new_id(), company.key, meter, bases))
        outcome = Outcome(1, bases, {UUID(base): cited for base, cited in drawn.items()})
        return (await settle_call(self.context, admission, outcome)).amount

    async def periodic(self, name: str) -> None:
        """One of what the worker does by the clock."""
        if name in NOT_MONEY:
            return
        try:
            await JOBS[name](self.context)
        except Exception:
            if not self.faulty:
                raise

    async def tick(self) -> None:
        """All that the worker does by the clock, and what follows."""
        for job in PERIODIC:
            await self.periodic(job.name)
        await self.work()

    # --- time ------------------------------------------------------------------------------------------

    async def advance(self, seconds: int) -> None:
        """The sandbox's clock and ours move on, and all that follows is worked."""
        await self.pass_time(seconds)
        await self.work()

    async def pass_time(self, seconds: int) -> None:
        """The sandbox's clock and ours move on."""
        await self.control("POST", "advance", {"seconds": seconds})
        now = (await self.control("GET", "health"))["now"]
        async with self.context.database.transaction() as session:
            await session.execute(
                sa.text("UPDATE clock_offset SET ahead = to_timestamp(:now) - now()"), {"now": now}
            )

    async def work(self) -> None:
        """Everything that was sent is delivered, and everything that is due is done, until nothing is."""
        while True:
            # An event's delivery is committed with the change it is about, so asking misses none.
            sent = (await self.control("GET", "deliveries"))["data"]
            underway = sum(not each["delivered"] for each in sent)
            if not underway + await self._deliver() + await self.jobs():
                return
            await asyncio.sleep(0.02 if underway else 0)

    async def control(self, method: str, name: str, body: Any = None) -> Any:
        answer = await self.outside.request(method, f"{self.sandbox.url}/_sandbox/{name}", json=body)
        answer.raise_for_status()
        return answer.json()

    async def _deliver(self) -> int:
        raw = self.heard_since()
        for body in raw:
            signature = stripe.WebhookSignature.generate_signature_header(body, SECRET)
            headers = {"stripe-signature": signature}
            answer = await self.client.post("/webhooks/stripe", content=body, headers=headers)
            assert answer.status_code == 200, answer.text
        return len(raw)

    def heard_since(self) -> list[str]:
        """The snapshot events that the sandbox sent since the last time."""
        raw = self.sandbox.listener.raw[self.heard :]
        self.heard += len(raw)
        return [body for body in raw if json.loads(body)["object"] == "event"]

    async def recover_jobs(self) -> None:
        """What a worker that died was doing is tried again."""
        async with self.context.database.transaction() as session:
            doing = "SELECT id FROM procrastinate_jobs WHERE status = 'doing'"
            for job in (await session.execute(sa.text(doing))).all():
                await session.execute(AGAIN, {"id": job.id})

    async def hurry(self) -> None:
        """What is put off by the machine's own clock is due, and whoever died holds nothing any more."""
        async with self.context.database.transaction() as session:
            for statement in HURRIED:
                await session.execute(sa.text(statement))
        await self.recover_jobs()

    async def jobs(self) -> int:
        """Does every job that is due; how many were done."""
        done = 0
        for job in await self.rows(DUE):
            await self._mark(BEGIN, job.id)
            if job.task_name in JOBS and job.task_name not in NOT_MONEY:
                try:
                    await JOBS[job.task_name](self.context, **job.args)
                except Exception:
                    await self._mark(AGAIN, job.id)
                    if not self.faulty:
                        raise
                    continue
            await self._mark(DONE, job.id)
            done += 1
        return done

    async def _mark(self, statement: Any, id: int) -> None:
        async with self.context.database.transaction() as session:
            await session.execute(statement, {"id": id})

    async def rows(self, query: Any, **values: Any) -> Any:
        statement = sa.text(query) if isinstance(query, str) else query
        async with self.context.database.reading() as connection:
            return (await connection.execute(statement, values)).all()


@asynccontextmanager
async def market_open(
    database: Database, sandbox: Sandbox, folder: Path, *, patience: float = 10.0, retries: int = 2
) -> AsyncIterator[Market]:
    """A market on a fresh database, its clock the sandbox's; ``patience`` and ``retries`` are the SDK's.
    Letters are files in ``folder``.
    """
    config = ProcessorConfig(
        api_key="sk_test_market",
        api_base=sandbox.url,
        timeout_seconds=patience,
        max_network_retries=retries,
    )
    gateway = StripeGateway(config)
    made = SETTINGS.model_copy(update={"stripe_webhook_secrets": SecretStr(SECRET)})
    gate = open_gate(database, made)
    context = bare_context(database, made, payments=gateway, gate=gate, mail=FileMail(folder))
    doors = (sign_in, creator_api, subscriber_api, enterprise_api, operator_api, webhooks)
    try:
        async with (
            serving(context, doors) as client,
            httpx.AsyncClient(timeout=60, trust_env=False, verify=False) as outside,
        ):
            operator = await register(client, "operator")
            market = Market(context, client, sandbox, outside, operator, heard=len(sandbox.listener.events))
            await market.advance(1)
            yield market
    finally:
        await drain(5)
        await gate.close()
        await gateway.close()
