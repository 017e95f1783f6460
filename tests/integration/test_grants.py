"""Grants are what subscriptions, passes and creators' words come to, whatever the order they are heard in."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from billing.entitlements import deriving, grants
from billing.subscriptions import projecting
from service.platform.database import Database
from service.platform.ids import new_id
from service.usecases.grant_passes import grant_passes
from service.usecases.grant_subscription import grant_subscription
from service.usecases.recompute_grants import recompute_grants
from tests.contract.sandbox_process import Sandbox
from tests.integration.selling import Shop, shop_open
from tests.integration.serving import bare_context

DAY = timedelta(days=1)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PASS = {"interval": "once", "days": 30, "price": {"amount": 2000, "currency": "cny"}}


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        yield opened


async def _entitlement(shop: Shop, reader: Any) -> Any:
    return (await shop.call("GET", f"/v1/knowledge-bases/{shop.base['id']}", reader))["entitlement"]


async def test_every_source_is_told_and_one_taken_leaves_the_others(shop: Shop) -> None:
    reader = await shop.reader()
    assert (await _entitlement(shop, reader))["sources"] == []
    prepaid = await shop.plan(**PASS)
    await shop.pay((await shop.checkout(reader, prepaid))["checkout_url"])
    await shop.settle("checkout.session.completed", "payment_intent.succeeded")
    await shop.subscribe(reader, await shop.plan())
    grants_of = f"/creator/v1/knowledge-bases/{shop.base['id']}/grants"
    given = await shop.call("POST", grants_of, shop.creator, {"email": reader.email}, 201)
    entitled = await _entitlement(shop, reader)
    assert (entitled["tier"], entitled["why"], entitled["until"]) == ("all", "complimentary", None)
    assert {source["source"] for source in entitled["sources"]} == {"complimentary", "subscription", "pass"}
    await shop.call("DELETE", f"{grants_of}/{given['id']}", shop.creator, expect=204)
    entitled = await _entitlement(shop, reader)
    assert {source["source"] for source in entitled["sources"]} == {"subscription", "pass"}
    assert entitled["until"] == max(source["until"] for source in entitled["sources"])
    [held] = (await shop.call("GET", "/v1/entitlements", reader))["data"]
    assert (held["knowledge_base_id"], held["title"]) == (shop.base["id"], shop.base["title"])
    assert held["sources"] == entitled["sources"]
    assert (await shop.call("GET", "/v1/entitlements", await shop.reader("other")))["data"] == []
    operator = await shop.reader("operator")
    [sale] = [
        sale
        for sale in (await shop.call("GET", "/operator/v1/sales", operator))["data"]
        if sale["kind"] == "pass"
    ]
    refund = f"/operator/v1/sales/{sale['id']}/refund"
    await shop.call("POST", refund, operator, {"reason": "asked"}, 201)
    await shop.settle("charge.refunded")
    entitled = await _entitlement(shop, reader)
    assert [source["source"] for source in entitled["sources"]] == ["subscription"]
    assert (await recompute_grants(shop.context)).faults == []


async def test_a_pass_given_back_lets_the_next_one_begin(shop: Shop) -> None:
    reader, prepaid = await shop.reader(), await shop.plan(**PASS)
    for _ in range(2):
        await shop.pay((await shop.checkout(reader, prepaid))["checkout_url"])
        await shop.settle("checkout.session.completed", "payment_intent.succeeded")
    passes = "SELECT starts_at, ends_at, revoked_at FROM access_grant ORDER BY starts_at, ends_at"
    first, second = await shop.rows(passes)
    assert second.starts_at == first.ends_at
    operator = await shop.reader("operator")
    sales = (await shop.call("GET", "/operator/v1/sales", operator))["data"]
    refund = f"/operator/v1/sales/{sales[-1]['id']}/refund"
    await shop.call("POST", refund, operator, {"reason": "asked"}, 201)
    await shop.settle("charge.refunded")
    entitled = await _entitlement(shop, reader)
    assert [source["source"] for source in entitled["sources"]] == ["pass"]
    [left] = entitled["sources"]
    assert datetime.fromisoformat(left["until"]) < first.ends_at + 15 * DAY
    assert (await recompute_grants(shop.context)).faults == []


async def test_free_questions_left_are_told(shop: Shop) -> None:
    path = f"/creator/v1/knowledge-bases/{shop.base['id']}"
    await shop.call("PATCH", path, shop.creator, {"free_questions": 3})
    reader = await shop.reader()
    assert (await _entitlement(shop, reader))["free_questions_remaining"] == 3
    nobody = (await shop.client.get(f"/v1/knowledge-bases/{shop.base['id']}")).json()
    assert nobody["entitlement"]["free_questions_remaining"] is None


async def _sold_pass(database: Database, holder: dict[str, UUID], *, at: datetime, charge: str) -> UUID:
    """A pass of ten days as its sale's row has it, without the way there."""
    id = new_id()
    row = holder | {"id": id, "at": at, "charge": charge}
    async with database.transaction() as session:
        await session.execute(
            sa.text(
                "INSERT INTO sale (id, kind, creator_id, account_id, knowledge_base_id, plan_id,"
                " stripe_charge_id, stripe_balance_transaction_id, amount, currency, tax, settled_amount,"
                " settled_currency, settled_tax, fee, creator_amount, platform_amount, creator_fee,"
                " platform_fee, take_rate_bps, paid_at)"
                " VALUES (:id, 'pass', :creator, :account_id, :knowledge_base_id, :plan, :charge, :charge,"
                " 100, 'cny', 0, 100, 'cny', 0, 0, 80, 20, 0, 0, 2000, :at)"
            ),
            row,
        )
    return id


async def _plan(database: Database, base: UUID) -> UUID:
    id = new_id()
    async with database.transaction() as session:
        await session.execute(
            sa.text(
                "INSERT INTO plan (id, knowledge_base_id, interval, days, trial_days, status)"
                " VALUES (:id, :base, 'once', 10, 0, 'active')"
            ),
            {"id": id, "base": base},
        )
    return id


async def test_passes_come_to_the_same_in_every_order(database: Database) -> None:
    paid = [(0 * DAY, "a"), (4 * DAY, "b"), (4 * DAY, "c"), (60 * DAY, "d")]
    seen = set()
    for order in itertools.permutations(paid):
        base = new_id()
        holder = {"creator": new_id(), "account_id": new_id(), "knowledge_base_id": base}
        holder["plan"] = await _plan(database, base)
        for after, charge in order:
            await _sold_pass(database, holder, at=BEGIN + after, charge=f"{base}:{charge}")
            async with database.transaction() as session:
                await grant_passes(session, account_id=holder["account_id"], knowledge_base_id=base)
        async with database.reading() as connection:
            rows = await connection.execute(
                sa.text(
                    "SELECT right(stripe_charge_id, 1), starts_at, ends_at FROM access_grant AS g"
                    " JOIN sale ON sale.id = source_id WHERE g.knowledge_base_id = :base ORDER BY 1"
                ),
                {"base": base},
            )
            seen.add(tuple(tuple(row) for row in rows))
    [[first, second, third, late]] = seen
    assert first[1:] == (BEGIN, BEGIN + 10 * DAY)
    assert second[1:] == (BEGIN + 10 * DAY, BEGIN + 20 * DAY)
    assert third[1:] == (BEGIN + 20 * DAY, BEGIN + 30 * DAY)
    assert late[1:] == (BEGIN + 60 * DAY, BEGIN + 70 * DAY)
    assert (await recompute_grants(bare_context(database))).faults == []


STATES = [
    {"status": status, "cancel": cancel, "current_period_end": end, "past_due_since": due, "ended_at": ended}
    for status, due, ended in (
        ("active", None, None),
        ("trialing", None, None),
        ("past_due", BEGIN + 3 * DAY, None),
        ("unpaid", BEGIN + 3 * DAY, None),
        ("paused", None, None),
        ("canceled", None, BEGIN + 9 * DAY),
        ("canceled", BEGIN + 3 * DAY, None),
        ("incomplete_expired", None, BEGIN + DAY),
        ("incomplete", None, None),
    )
    for cancel in (False, True)
    for end in (BEGIN + 30 * DAY, None)
]


async def test_what_sql_derives_is_what_was_granted_when_it_was_written(database: Database) -> None:
    context = bare_context(database)
    grace = timedelta(days=context.settings.grace_days)
    for state in STATES:
        id = new_id()
        async with database.transaction() as session:
            await session.execute(
                sa.text(
                    "INSERT INTO subscription (id, account_id, knowledge_base_id, creator_id, plan_id,"
                    " price_id, stripe_subscription_id, stripe_customer_id, stripe_item_id, status,"
                    " started_at, current_period_start, current_period_end, cancel_at_period_end,"
                    " past_due_since, ended_at)"
                    " VALUES (:id, :id, :id, :id, :id, :id, :name, 'cus', 'si', :status, :begin, :begin,"
                    " :current_period_end, :cancel, :past_due_since, :ended_at)"
                ),
                state | {"id": id, "name": str(id), "begin": BEGIN},
            )
            await grant_subscription(session, await projecting.get(session, id), grace=grace)
    assert (await recompute_grants(context)).faults == []
    async with database.reading() as connection:
        held = (await connection.execute(sa.text("SELECT count(*) FROM access_grant"))).scalar_one()
    assert held == sum(1 for state in STATES if state["status"] != "incomplete")


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM access_grant",
        "UPDATE access_grant SET ends_at = ends_at + interval '1 year'",
        "UPDATE access_grant SET revoked_at = now()",
        "UPDATE access_grant SET starts_at = starts_at - interval '1 day'",
        "UPDATE access_grant SET account_id = gen_random_uuid()",
        "INSERT INTO access_grant (id, account_id, knowledge_base_id, source, source_id, reason, starts_at)"
        " VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'pass', gen_random_uuid(), '',"
        " now())",
    ],
)
async def test_a_grant_that_is_not_what_its_source_says_is_found_and_mended(
    database: Database, damage: str
) -> None:
    base = new_id()
    holder = {"creator": new_id(), "account_id": new_id(), "knowledge_base_id": base}
    holder["plan"] = await _plan(database, base)
    await _sold_pass(database, holder, at=BEGIN, charge="ch")
    async with database.transaction() as session:
        await grant_passes(session, account_id=holder["account_id"], knowledge_base_id=base)
    context = bare_context(database)
    assert (await recompute_grants(context)).faults == []
    async with database.transaction() as session:
        await session.execute(sa.text(damage))
    assert len((await recompute_grants(context)).faults) == 1
    assert (await recompute_grants(context, fix=True)).fixed == 1
    assert (await recompute_grants(context)).faults == []


def test_the_derivation_names_every_source() -> None:
    for source in ("subscription", "pass", "complimentary"):
        assert f"'{source}' AS source" in deriving.DERIVED
    assert grants.Source.__args__ == ("subscription", "pass", "complimentary")  # type: ignore[attr-defined] # a Literal's
