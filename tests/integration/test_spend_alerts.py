"""Marks of a cap are told once a month each; months have their tables ready; usage as a sheet."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from billing.money import Money
from service.platform.database import Database
from service.usecases.admit_calls import Call, KeyPrincipal, admit_call
from service.usecases.alert_spending import alert_spending
from service.usecases.context import Context
from service.usecases.prepare_partitions import prepare_partitions
from service.usecases.set_spend_cap import set_spend_cap
from service.usecases.settle_calls import Outcome, settle_call
from tests.integration.metering import Customer, context_of, make_customer, make_knowledge_base, run

PRICE = 20


@pytest.fixture
async def context(database: Database) -> AsyncIterator[Context]:
    made = context_of(database)
    yield made
    assert made.gate is not None
    await made.gate.close()


async def owner_of(database: Database, customer: Customer) -> UUID:
    owner = uuid4()
    await run(
        database,
        "INSERT INTO account (id, display_name, created_at) VALUES (:owner, 'Wu', zhihao_now())",
        owner=owner,
    )
    await run(
        database,
        "INSERT INTO membership (organization_id, account_id, role, created_at)"
        " VALUES (:org, :owner, 'owner', zhihao_now())",
        org=customer.organization_id,
        owner=owner,
    )
    return owner


async def call(context: Context, customer: Customer, base: UUID) -> None:
    principal = KeyPrincipal(customer.secret_hash)
    admission = await admit_call(context, Call(uuid4(), principal, "answers", (base,)))
    await settle_call(context, admission, Outcome(1, (base,)))


async def told(context: Context) -> list[tuple[object, ...]]:
    """Has the waiting jobs done, and what was announced since: which subject, at what share."""
    jobs = await run(
        context.database, "DELETE FROM procrastinate_jobs WHERE task_name = 'alert_spending' RETURNING args"
    )
    for (args,) in jobs:
        await alert_spending(context, **args)
        await alert_spending(context, **args)
    rows = await run(context.database, "DELETE FROM outgoing_event WHERE type = 'usage.alert' RETURNING *")
    return sorted((row.data["key_id"] is not None, row.data["percent"]) for row in rows)


async def test_each_mark_of_a_cap_is_told_once(context: Context) -> None:
    database = context.database
    base = await make_knowledge_base(database)
    customer = await make_customer(database, cap=10 * PRICE, key_cap=5 * PRICE)
    owner = await owner_of(database, customer)
    heard = []
    for _ in range(5):
        await call(context, customer, base)
        heard.append(await told(context))
    assert heard == [[], [], [(True, 50)], [(True, 80)], [(False, 50), (True, 100)]]
    letters = await run(
        database, "SELECT account_id, facts FROM letter WHERE kind = 'spend_alert' ORDER BY created_at"
    )
    assert [row.account_id for row in letters] == [owner] * 4
    assert sorted((row.facts["percent"], row.facts["amount"], row.facts["cap"]) for row in letters) == [
        (50, 60, 100),
        (50, 100, 200),
        (80, 80, 100),
        (100, 100, 100),
    ]


async def test_a_lower_cap_tells_the_highest_mark_that_is_passed_already(context: Context) -> None:
    base = await make_knowledge_base(context.database)
    customer = await make_customer(context.database)
    owner = await owner_of(context.database, customer)
    for _ in range(3):
        await call(context, customer, base)
    assert await told(context) == []
    for amount, expected in ((70, [(False, 80)]), (70, []), (60, [(False, 100)]), (0, [])):
        await set_spend_cap(
            context,
            organization_id=customer.organization_id,
            account_id=owner,
            cap=Money(amount, "cny"),
        )
        assert await told(context) == expected


async def test_months_have_their_tables_and_what_came_before_them_moves_in(context: Context) -> None:
    database = context.database
    base = await make_knowledge_base(database)
    customer = await make_customer(database)
    # The demo's clock may be moved by years.
    await run(database, "UPDATE clock_offset SET ahead = interval '3 years'")
    await call(context, customer, base)
    await call(context, customer, base)
    stray = "SELECT count(*)::int FROM partitions.usage_event_default"
    assert [tuple(row) for row in await run(database, stray)] == [(2,)]
    assert await prepare_partitions(context) == 3
    assert await prepare_partitions(context) == 0
    assert [tuple(row) for row in await run(database, stray)] == [(0,)]
    await call(context, customer, base)
    assert [tuple(row) for row in await run(database, stray)] == [(0,)]
    rows = await run(database, "SELECT count(*)::int, count(DISTINCT tableoid)::int FROM usage_event")
    assert [tuple(row) for row in rows] == [(3, 1)]
    rows = await run(database, "SELECT count(*)::int FROM usage_share")
    assert [tuple(row) for row in rows] == [(3,)]
