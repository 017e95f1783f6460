"""Organizations under a contract at the sandbox, which call with a key."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from service.accounts.secrets import secret_hash
from service.platform.database import zhihao_now
from service.platform.ids import new_id
from service.usecases.admit_calls import Admission, Call, KeyPrincipal, admit_call
from service.usecases.context import Context
from service.usecases.report_usage import report_usage
from service.usecases.settle_calls import Outcome, Settlement, settle_call
from service.usecases.start_contract import start_contract
from tests.integration.clocks import keep_time
from tests.integration.selling import PAYS, Shop
from tests.integration.serving import SignedIn


@dataclass
class Company:
    """An organization of ``owner`` with a contract in force and a key."""

    shop: Shop
    context: Context
    owner: SignedIn
    id: str
    key_id: str
    secret_hash: bytes

    @property
    def path(self) -> str:
        return f"/enterprise/v1/organizations/{self.id}"

    async def get(self, path: str, expect: int = 200, **query: Any) -> Any:
        answer = await self.shop.client.get(f"{self.path}{path}", headers=self.owner.headers, params=query)
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def admitted(self, meter: Any = "answers") -> Admission:
        base = UUID(self.shop.base["id"])
        return await admit_call(self.context, Call(uuid4(), KeyPrincipal(self.secret_hash), meter, (base,)))

    async def settled(self, admission: Admission) -> Settlement:
        return await settle_call(self.context, admission, Outcome(1, tuple(admission.decisions)))

    async def call(self, times: int = 1, meter: Any = "answers") -> None:
        for _ in range(times):
            await self.settled(await self.admitted(meter))

    async def report(self) -> int:
        return await report_usage(self.context)

    async def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        found = await self.shop.rows(query, **({"org": UUID(self.id)} if ":org" in query else {}) | values)
        return [tuple(row) for row in found]

    async def now(self) -> datetime:
        async with self.context.database.reading() as connection:
            return await zhihao_now(connection)

    async def one(self, query: str, **values: Any) -> Any:
        [(value,)] = await self.rows(query, **values)
        return value


async def found_company(shop: Shop, *, card: str = PAYS, name: str | None = None, **settings: Any) -> Company:
    """A new organization; its contract is bought under these settings."""
    context = dataclasses.replace(shop.context, settings=shop.context.settings.model_copy(update=settings))
    owner = await shop.reader(name or f"owner{uuid4().hex}")
    made = await shop.call("POST", "/enterprise/v1/organizations", owner, {"name": "Wu"}, 201)
    path = f"/enterprise/v1/organizations/{made['id']}"
    key = await shop.call(
        "POST", f"{path}/keys", owner, {"name": "k", "scopes": ["answers:write", "passages:read"]}, 201
    )
    company = Company(shop, context, owner, made["id"], key["id"], secret_hash(key["secret"]))
    await buy_contract(company, card=card)
    return company


async def buy_contract(company: Company, *, card: str = PAYS) -> None:
    page = await start_contract(
        company.context,
        id=new_id(),
        organization_id=UUID(company.id),
        account_id=UUID(company.owner.id),
        once=None,
    )
    await company.shop.pay(page.checkout_url, card)
    await company.shop.settle("customer.subscription.created", "invoice.paid")


async def advance_to(company: Company, moment: datetime) -> None:
    seconds = int((moment - await company.now()).total_seconds()) + 1
    company.shop.sandbox.control("advance", {"seconds": seconds})
    await keep_time(company.shop)


async def month_end(company: Company) -> datetime:
    end: datetime = await company.one("SELECT current_period_end FROM contract WHERE organization_id = :org")
    return end
