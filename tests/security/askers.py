"""One of everything there is, each with the one whom it belongs to; and everybody else, who wants it."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from pydantic import SecretStr

from billing.processor.config import ProcessorConfig
from billing.processor.stripe_gateway import StripeGateway
from service.accounts.secrets import secret_hash
from service.platform.database import Database
from service.platform.egress import Egress
from service.web.rendering import STYLE_PATH
from tests.contract.sandbox_process import SECRET as STRIPE_SECRET
from tests.contract.sandbox_process import Sandbox
from tests.integration.companies import Company, buy_contract
from tests.integration.metering import make_grant, run
from tests.integration.selling import MONTHLY, Shop
from tests.integration.serving import SignedIn
from tests.security.market import Market, open_market

PEOPLE = ("owner", "other", "subscriber", "lapsed", "operator")
ASKERS = (*PEOPLE, "nobody", "key", "own_key")
"""``key`` is another organization's, ``own_key`` the owner's organization's."""

TEXT = "The {} heron stands in the reeds at dawn. It waits for fish, and it never hurries.\n"
BASES = "/creator/v1/knowledge-bases"
HOOK = {"url": "https://example.com/hook"}

_SHOWN = {"knowledge_base_id", "id_or_slug", "knowledge_base", "others", "plan_id", "receipt_id", "fresh"}
_SHOWN |= {"document_id", "free_document", "account_id"}


@dataclass
class Everything:
    """A market; ``ids`` says what each name of the rows stands for."""

    market: Market
    shop: Shop
    ids: dict[str, str]

    @property
    def private(self) -> set[str]:
        """What only its holder is to hear of, be it an id."""
        return {value for name, value in self.ids.items() if name not in _SHOWN and len(value) == 36}


@asynccontextmanager
async def everything(database: Database, folder: Path, sandbox: Sandbox) -> AsyncIterator[Everything]:
    """Sold and paid for at the sandbox, asked, disputed, invoiced, announced."""
    config = ProcessorConfig(api_key="sk_test_shop", api_base=sandbox.url)
    gateway = StripeGateway(config)
    chosen: dict[str, Any] = {
        "stripe_webhook_secrets": SecretStr(STRIPE_SECRET),
        "operator_emails": "operator@example.com",
    }
    async with open_market(database, folder, **chosen) as market:
        egress = Egress(ports=(80, 443), resolve=_nowhere)
        market.context = dataclasses.replace(market.context, payments=gateway, egress=egress)
        market.app.state.context = market.context
        for name in PEOPLE:
            await market.person(name)
        shop = Shop(market.context, market.client, sandbox, _signed_in(market, "owner"), {})
        shop.heard = len(sandbox.listener.events)
        made = Everything(market, shop, {"stylesheet": STYLE_PATH.rpartition("/")[2]})
        await _publish(made)
        await _sell(made)
        await _found(made)
        await _insert(made)
        yield made
    await gateway.close()


async def _nowhere(host: str, port: int) -> list[str]:
    raise OSError(f"{host} has no address")


def _signed_in(market: Market, name: str) -> SignedIn:
    return SignedIn(str(market.accounts[name]), f"{name}@example.com", market.headers[name], "")


async def _base(made: Everything, who: str, title: str, *, publish: bool, **fields: Any) -> dict[str, Any]:
    market = made.market
    base = await market.made(who, "POST", BASES, json={"title": title, "language": "en"} | fields)
    if publish:
        path = f"{BASES}/{base['id']}/publish"
        await market.made(who, "POST", path, json={"rights_declared": True})
    return base


async def _document(made: Everything, who: str, base: str, tier: str) -> str:
    file = {"file": (f"{tier} heron.md", TEXT.format(tier).encode())}
    path = f"{BASES}/{base}/documents"
    return str((await made.market.made(who, "POST", path, files=file, data={"tier": tier}))["id"])


async def _publish(made: Everything) -> None:
    market, ids = made.market, made.ids
    for name in ("owner", "other"):
        await market.made(name, "PUT", "/creator/v1/profile", json={"handle": name, "name": name})
    base = await _base(made, "owner", "Herons", publish=True)
    draft = await _base(made, "owner", "Drafts", publish=False)
    others = await _base(made, "other", "Reeds", publish=True)
    others_draft = await _base(made, "other", "Hidden reeds", publish=False)
    ids |= dict.fromkeys(("knowledge_base_id", "id_or_slug", "knowledge_base"), base["id"])
    ids |= {"slug": base["slug"], "draft": draft["id"], "draft_slug": draft["slug"]}
    ids |= {"others_slug": others["slug"], "others": others["id"], "others_draft": others_draft["id"]}
    ids["document_id"] = await _document(made, "owner", base["id"], "paid")
    ids["free_document"] = await _document(made, "owner", base["id"], "free")
    ids["draft_document"] = await _document(made, "owner", draft["id"], "free")
    for there in (others["id"], others_draft["id"]):
        await _document(made, "other", there, "free")
    transcript = {"file": ("talk.txt", b"A: The heron waits.\nB: It does.\n")}
    path = f"{BASES}/{base['id']}/imports"
    begun = await market.made("owner", "POST", path, files=transcript, data={"kind": "transcript"})
    ids["import_id"] = begun["id"]
    await market.sign_in("owner")
    first = "SELECT id FROM login_session WHERE account_id = :account ORDER BY id LIMIT 1"
    [session] = await run(market.context.database, first, account=market.accounts["owner"])
    ids["session_id"] = str(session.id)
    ids["export_id"] = (await market.made("owner", "GET", "/me/export"))["id"]
    await market.work()
    await market.made("owner", "POST", f"{BASES}/{base['id']}/packaging")
    await market.work()
    made.shop.base = base
    plan = await market.made("owner", "POST", f"{BASES}/{base['id']}/plans", json=MONTHLY)
    ids["plan_id"] = plan["id"]


async def _sell(made: Everything) -> None:
    market, ids, shop = made.market, made.ids, made.shop
    subscriber = _signed_in(market, "subscriber")
    ids["subscription_id"] = (await shop.subscribe(subscriber, {"id": ids["plan_id"]}))["id"]
    sold = (await market.made("subscriber", "GET", "/v1/purchases"))["data"][0]["id"]
    path = f"/v1/purchases/{sold}/refund-request"
    ids["request_id"] = (await market.made("subscriber", "POST", path, json={}))["id"]
    ids["sale_id"] = sold
    body = {"handle": "owner", "price": {"amount": 500, "currency": "cny"}}
    tip = await market.made("subscriber", "POST", "/v1/tips", json=body)
    await shop.pay(tip["checkout_url"])
    await shop.settle("checkout.session.completed", "payment_intent.succeeded")
    [charge] = await shop.rows("SELECT stripe_charge_id AS id FROM sale WHERE id <> :sold", sold=UUID(sold))
    shop.sandbox.control("disputes", {"charge": charge.id})
    await shop.settle("charge.dispute.created")
    ids["dispute_id"] = (await market.made("owner", "GET", "/creator/v1/disputes"))["data"][0]["id"]
    base = UUID(ids["knowledge_base_id"])
    await make_grant(
        market.context.database, market.accounts["lapsed"], base, datetime.now(UTC) - timedelta(minutes=1)
    )
    path = f"{BASES}/{base}/grants"
    body = {"email": "friend@example.com"}
    await market.person("friend")
    ids["grant_id"] = (await market.made("owner", "POST", path, json=body))["id"]
    asked = {"question": "When does the paid heron stand in the reeds?"}
    path = f"/v1/knowledge-bases/{base}/ask"
    answer = await market.made("subscriber", "POST", path, json=asked)
    ids |= {"answer_id": answer["id"], "conversation_id": answer["conversation_id"]}
    ids["receipt_id"] = answer["receipt_id"]
    report = {"knowledge_base_id": str(base), "reason": "illegal"}
    ids["report_id"] = (await market.made("lapsed", "POST", "/v1/reports", json=report))["id"]


async def _found(made: Everything) -> None:
    """Two organizations under contract; the other's key is let in nowhere but where all keys are."""
    market, ids = made.market, made.ids
    for name, key, prefix in (("owner", "own_key", ""), ("other", "key", "others_")):
        organization = (await market.made(name, "POST", "/enterprise/v1/organizations", json={"name": "Wu"}))[
            "id"
        ]
        path = f"/enterprise/v1/organizations/{organization}"
        ids[f"{prefix}organization_id" if not prefix else "others_organization"] = organization
        scopes = {"name": "k", "scopes": ["answers:write", "passages:read"]}
        if prefix:
            scopes["knowledge_base_ids"] = [ids["others"]]
        secret = await market.made(name, "POST", f"{path}/keys", json=scopes)
        market.headers[key] = {"authorization": f"Bearer {secret['secret']}"}
        company = Company(
            made.shop,
            market.context,
            _signed_in(market, name),
            organization,
            secret["id"],
            secret_hash(secret["secret"]),
        )
        await buy_contract(company)
        # What a path names is a key that no test calls with.
        spare = await market.made(name, "POST", f"{path}/keys", json=scopes)
        if not prefix:
            ids["key_id"] = spare["id"]
            hook = await market.made("owner", "POST", f"{path}/webhook-endpoints", json=HOOK)
            ids["hook"] = hook["id"]
            tried = f"{path}/webhook-endpoints/{hook['id']}/test"
            ids["hook_delivery"] = (await market.made("owner", "POST", tried))["id"]
            invited = {"email": "subscriber@example.com", "role": "billing"}
            sent = await market.made("owner", "POST", f"{path}/invitations", json=invited)
            ids["invitation_id"] = sent["id"]
    hook = await market.made("owner", "POST", "/creator/v1/webhook-endpoints", json=HOOK)
    tried = f"/creator/v1/webhook-endpoints/{hook['id']}/test"
    ids |= {"endpoint_id": hook["id"], "delivery_id": (await market.made("owner", "POST", tried))["id"]}


_SOURCE = """
    INSERT INTO source (id, knowledge_base_id, account_id, kind, url, title, tier, next_check_at)
    VALUES (:id, :base, :owner, 'feed', 'https://example.com/feed', '', 'paid', now() + interval '1 day')
"""
_IDENTITY = """
    INSERT INTO linked_identity (id, account_id, provider, issuer, subject, created_at)
    VALUES (:id, :account, 'p', 'https://p.example', 's', now())
"""
_MEMBER = """
    INSERT INTO membership (organization_id, account_id, role, created_at)
    VALUES (:organization, :account, 'developer', now())
"""
_INVOICE = """
    INSERT INTO metered_invoice (id, organization_id, stripe_invoice_id, status, currency, total, tax,
                                 amount_due, amount_paid, period_start, period_end, created_at)
    VALUES (:id, :organization, 'in_of_the_matrix', 'paid', 'cny', 5, 0, 5, 5, now(), now(), now())
"""
_LINE = """
    INSERT INTO invoice_line (id, organization_id, invoice_id, meter, late, description, quantity, included,
                              amount, currency, period_start, period_end, created_at)
    VALUES (:id, :organization, :invoice, 'answers', false, '', 1, 0, 5, 'cny', now(), now(), now())
"""


async def _insert(made: Everything) -> None:
    """What takes a month, or another machine, to come about."""
    ids, database = made.ids, made.market.context.database
    organization, owner = UUID(ids["organization_id"]), made.market.accounts["owner"]
    source, invoice, line, identity = uuid4(), uuid4(), uuid4(), uuid4()
    await run(database, _IDENTITY, id=identity, account=owner)
    ids["identity_id"] = str(identity)
    await run(database, _SOURCE, id=source, base=UUID(ids["knowledge_base_id"]), owner=owner)
    await run(database, _INVOICE, id=invoice, organization=organization)
    await run(database, _LINE, id=line, organization=organization, invoice=invoice)
    await made.market.person("member")
    member = made.market.accounts["member"]
    await run(database, _MEMBER, organization=organization, account=member)
    ids |= {"source_id": str(source), "invoice_id": str(invoice), "line_id": str(line)}
    ids |= {"account_id": str(member), "batch_id": str(uuid4()), "payout_id": str(uuid4())}
    ids |= {"month": f"{datetime.now(UTC):%Y-%m}"}
