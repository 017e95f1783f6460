"""Sales, subscriptions, tips, keys are told of to endpoints; who pays, or is to, or cannot, is written to."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from service.outgoing import dispatching
from service.platform.database import Database
from service.usecases.check_invariants import check_invariants
from service.usecases.invariants.outgoing import OUTGOING
from service.usecases.notify_renewals import notify_renewals
from tests.contract.sandbox_process import Sandbox
from tests.integration.clocks import advance, keep_time
from tests.integration.selling import FAILS_LATER, Shop, shop_open
from tests.integration.serving import SignedIn

YEARLY = {"interval": "year", "price": {"amount": 9900, "currency": "cny"}}
DELIVERED = "UPDATE webhook_delivery SET state = 'delivered', finished_at = now()"
TRIED = {"interval": "month", "trial_days": 7, "price": {"amount": 990, "currency": "cny"}}


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        await keep_time(opened)
        yield opened


async def told(shop: Shop, who: SignedIn | None = None, at: str = "/creator/v1") -> list[tuple[str, Any]]:
    """What the endpoints of a creator, or of an organization, hear of, in order."""
    await place(shop)
    events = await shop.call("GET", f"{at}/events?limit=100", who or shop.creator)
    return [(event["type"], event["data"]) for event in events["data"]]


async def place(shop: Shop) -> None:
    """The first half of the delivering job; there is nobody to send to here."""
    async with shop.context.database.transaction() as session:
        await dispatching.place(session, most=100)


async def letters(shop: Shop, kind: str) -> list[tuple[str, Any]]:
    """Whom was written what."""
    rows = await shop.rows("SELECT account_id, facts FROM letter WHERE kind = :kind ORDER BY id", kind=kind)
    return [(str(row.account_id), row.facts) for row in rows]


async def test_a_subscription_is_told_from_its_beginning_to_its_end(shop: Shop) -> None:
    reader = await shop.reader()
    bought = await shop.subscribe(reader, await shop.plan())
    path = f"/v1/subscriptions/{bought['id']}"
    await shop.call("PATCH", path, reader, {"cancel_at_period_end": True})
    await shop.settle("customer.subscription.updated")
    events = await told(shop)
    types = [type for type, _ in events]
    assert types[0] == "knowledge_base.published"
    assert types.count("subscription.created") == 1
    [sale] = [data for type, data in events if type == "sale.created"]
    assert sale["price"] == {"amount": 990, "currency": "cny"}
    assert sale["earned"] == {"amount": 792, "currency": "cny"}
    assert sale["subscription_id"] == bought["id"]
    assert events[-1][0] == "subscription.updated"
    assert events[-1][1]["cancel_at_period_end"] is True
    await shop.call("DELETE", path, reader, expect=204)
    await shop.settle("customer.subscription.deleted")
    events = await told(shop)
    assert events[-1][0] == "subscription.ended"
    assert events[-1][1]["id"] == bought["id"]
    assert reader.email not in str(events)
    assert reader.id not in str(events)


async def test_a_payment_is_told_once_and_its_payer_gets_one_receipt(shop: Shop) -> None:
    reader = await shop.reader()
    body = {
        "knowledge_base_id": shop.base["id"],
        "price": {"amount": 660, "currency": "cny"},
        "message": "謝",
    }
    tip = await shop.call("POST", "/v1/tips", reader, body, 201)
    await shop.pay(tip["checkout_url"])
    raw = await shop.events("checkout.session.completed", "payment_intent.succeeded")
    for _ in range(2):
        await shop.deliver(raw)
        await shop.work()
    events = [each for each in await told(shop) if each[0] in {"sale.created", "tip.received"}]
    assert [type for type, _ in events] == ["sale.created", "tip.received"]
    received = events[1][1]
    assert (received["id"], received["message"]) == (tip["tip_id"], "謝")
    assert received["price"] == {"amount": 660, "currency": "cny"}
    [(account_id, facts)] = await letters(shop, "receipt")
    assert account_id == reader.id
    assert (facts["title"], facts["amount"], facts["currency"]) == ("知識庫", 660, "cny")
    assert facts["creator"] == "C"


async def test_who_cannot_pay_a_renewal_is_written_to_once_a_lapse(shop: Shop) -> None:
    reader, plan = await shop.reader(), await shop.plan()
    await shop.pay((await shop.checkout(reader, plan))["checkout_url"], FAILS_LATER)
    await shop.settle("invoice.paid")
    assert await letters(shop, "payment_failed") == []
    await advance(shop, 32, "invoice.payment_failed")
    [(account_id, facts)] = await letters(shop, "payment_failed")
    assert account_id == reader.id
    assert (facts["amount"], facts["currency"]) == (990, "cny")
    assert facts["url"].startswith("http")
    await shop.work()
    assert len(await letters(shop, "payment_failed")) == 1
    await advance(shop, 40, "customer.subscription.deleted")
    assert (await told(shop))[-1][0] == "subscription.ended"
    assert len(await letters(shop, "payment_failed")) == 1


async def test_a_yearly_renewal_is_told_ahead_once_a_period_and_not_if_it_was_canceled(shop: Shop) -> None:
    yearly, monthly = await shop.plan(**YEARLY), await shop.plan()
    stays, leaves, often = await shop.reader("stays"), await shop.reader("leaves"), await shop.reader("often")
    await shop.subscribe(stays, yearly)
    canceled = await shop.subscribe(leaves, yearly)
    await shop.call("PATCH", f"/v1/subscriptions/{canceled['id']}", leaves, {"cancel_at_period_end": True})
    await shop.settle("customer.subscription.updated")
    await shop.subscribe(often, monthly)
    await notify_renewals(shop.context)
    assert await letters(shop, "renewal_notice") == []
    async with shop.context.database.transaction() as session:
        await session.execute(sa.text("UPDATE clock_offset SET ahead = ahead + interval '360 days'"))
        # The monthly one has renewed all the while.
        await session.execute(
            sa.text(
                "UPDATE subscription SET current_period_end = zhihao_now() + interval '3 days'"
                " WHERE account_id = :often"
            ),
            {"often": often.id},
        )
    for _ in range(2):
        await notify_renewals(shop.context)
    [(account_id, facts)] = await letters(shop, "renewal_notice")
    assert account_id == stays.id
    assert (facts["title"], facts["amount"], facts["currency"]) == ("知識庫", 9900, "cny")


async def test_the_end_of_a_trial_is_told_ahead(shop: Shop) -> None:
    reader = await shop.reader()
    await shop.pay((await shop.checkout(reader, await shop.plan(**TRIED)))["checkout_url"])
    await shop.settle("customer.subscription.created", "checkout.session.completed")
    await notify_renewals(shop.context)
    assert await letters(shop, "renewal_notice") == []
    await advance(shop, 5)
    await notify_renewals(shop.context)
    [(account_id, facts)] = await letters(shop, "renewal_notice")
    assert (account_id, facts["amount"]) == (reader.id, 990)


async def test_an_organization_hears_of_its_keys_and_never_of_a_secret(shop: Shop) -> None:
    made = await shop.call("POST", "/enterprise/v1/organizations", shop.creator, {"name": "Org"}, 201)
    at = f"/enterprise/v1/organizations/{made['id']}"
    body = {"name": "key", "scopes": ["passages:read"]}
    key = await shop.call("POST", f"{at}/keys", shop.creator, body, 201)
    rotated = await shop.call("POST", f"{at}/keys/{key['id']}/rotate", shop.creator)
    await shop.call("DELETE", f"{at}/keys/{key['id']}", shop.creator, expect=204)
    events = await told(shop, at=at)
    assert [type for type, _ in events] == ["key.created", "key.rotated", "key.revoked"]
    assert {data["id"] for _, data in events} == {key["id"]}
    assert key["secret"] not in str(events)
    assert rotated["secret"] not in str(events)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE outgoing_event SET position = NULL, at = at - interval '1 hour'", "outgoing.placed"),
        ("DELETE FROM webhook_delivery", "outgoing.queued"),
        (
            "UPDATE webhook_delivery SET state = 'waiting', next_at = now() - interval '1 hour'",
            "outgoing.tried",
        ),
        ("UPDATE letter SET next_at = now() - interval '1 hour'", "mail.sent"),
        ("UPDATE letter SET state = 'dead', finished_at = now()", "mail.sent"),
    ],
)
async def test_the_doctor_finds_what_nobody_hears_of(shop: Shop, damage: str, found: str) -> None:
    ours = {invariant.name for invariant in OUTGOING}

    async def faults() -> set[str]:
        findings = await check_invariants(shop.context)
        return {finding.name for finding in findings if finding.faults and finding.name in ours}

    body = {"url": "https://shop.example/hook"}
    await shop.call("POST", "/creator/v1/webhook-endpoints", shop.creator, body, 201)
    listening = "UPDATE webhook_endpoint SET listens_since = listens_since - interval '6 minutes'"
    tip = {"knowledge_base_id": shop.base["id"], "price": {"amount": 660, "currency": "cny"}}
    page = await shop.call("POST", "/v1/tips", await shop.reader(), tip, 201)
    await shop.pay(page["checkout_url"])
    await shop.settle("checkout.session.completed")
    await place(shop)
    async with shop.context.database.transaction() as session:
        await session.execute(sa.text(DELIVERED))
        await session.execute(sa.text(listening))
        # What happened before the endpoint was there is none of its business.
        await session.execute(
            sa.text(
                "UPDATE outgoing_event SET at = at - interval '1 hour' WHERE type LIKE 'knowledge_base.%'"
            )
        )
    assert await faults() == set()
    async with shop.context.database.transaction() as session:
        await session.execute(sa.text(damage))
    assert found in await faults()
