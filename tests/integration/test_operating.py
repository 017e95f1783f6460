"""What operators do with money, on the real doors, gateway and sandbox."""

import asyncio
import csv
import io
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy

from service.platform.database import Database
from service.usecases.close_checkouts import close_checkouts
from service.usecases.reconcile_balance import reconcile_balance
from tests.contract.sandbox_process import Sandbox
from tests.integration.selling import Shop, shop_open
from tests.integration.serving import SignedIn

BOOKS = ("trial-balance", "trial-balance.csv", "accounts", "journal", "journal.csv", "reconciliation")
ACTS = ("suspend", "restore", "payouts/freeze", "payouts/unfreeze")
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
async def shop(database: Database, till: Sandbox) -> AsyncIterator[Shop]:
    async with shop_open(database, till) as opened:
        yield opened


@pytest.fixture
async def operator(shop: Shop) -> SignedIn:
    return await shop.reader("operator")


async def test_a_suspended_creator_sells_nothing_and_is_paid_nothing(shop: Shop, operator: SignedIn) -> None:
    plan = await shop.plan()
    open_page = await shop.checkout(await shop.reader("late"), plan)
    account = f"/operator/v1/accounts/{shop.creator.id}"
    await shop.call("POST", f"{account}/suspend", operator, expect=204)
    await close_checkouts(shop.context, creator_id=shop.creator.id)
    await shop.pay(open_page["checkout_url"])
    await shop.settle("checkout.session.expired")
    assert await shop.rows("SELECT 1 FROM sale") == []
    await shop.checkout(await shop.reader("later"), plan, expect=404)
    [frozen] = await shop.rows("SELECT frozen_at, frozen_for FROM payout_account")
    assert frozen.frozen_at is not None
    assert frozen.frozen_for == ["suspended"]
    renewals = "SELECT args FROM procrastinate_jobs WHERE task_name = 'end_renewals'"
    assert [job.args["knowledge_base_id"] for job in await shop.rows(renewals)] == [shop.base["id"]]
    refused = await shop.call("POST", f"{account}/payouts/unfreeze", operator, expect=409)
    assert refused["code"] == "account_suspended_freeze"
    await shop.call("POST", f"{account}/restore", operator, expect=204)
    [thawed] = await shop.rows("SELECT frozen_at, frozen_for FROM payout_account")
    assert (thawed.frozen_at, thawed.frozen_for) == (None, [])
    await shop.checkout(await shop.reader("again"), plan)


async def test_an_operators_freeze_outlives_a_suspension(shop: Shop, operator: SignedIn) -> None:
    account = f"/operator/v1/accounts/{shop.creator.id}"
    for step in ("payouts/freeze", "suspend", "restore"):
        await shop.call("POST", f"{account}/{step}", operator, expect=204)
    [frozen] = await shop.rows("SELECT frozen_at IS NOT NULL AS is, frozen_for FROM payout_account")
    assert tuple(frozen) == (True, ["operator"])
    await shop.call("POST", f"{account}/payouts/unfreeze", operator, expect=204)
    [thawed] = await shop.rows("SELECT frozen_at FROM payout_account")
    assert thawed.frozen_at is None
    acts = (await shop.call("GET", "/operator/v1/audit-log", operator))["data"]
    assert [act["action"] for act in acts] == [
        "payouts.unfrozen", "account.restored", "account.suspended", "payouts.frozen",
    ]  # fmt: skip
    assert {act["actor_id"] for act in acts} == {operator.id}
    await shop.call("POST", f"/operator/v1/accounts/{NOBODY}/payouts/freeze", operator, expect=404)


async def test_a_rate_holds_for_what_is_paid_from_then_on(shop: Shop, operator: SignedIn) -> None:
    plan = await shop.plan()
    path = "/operator/v1/take-rates"
    await shop.subscribe(await shop.reader("before"), plan)
    await _rate(shop, operator, {"bps": 3000})
    await shop.subscribe(await shop.reader("between"), plan)
    own = await _rate(shop, operator, {"bps": 500, "creator_id": shop.creator.id})
    await shop.subscribe(await shop.reader("after"), plan)
    later = {"bps": 0, "creator_id": shop.creator.id, "effective_from": "2999-01-01T00:00:00Z"}
    await shop.call("POST", path, operator, later, 201)
    await shop.subscribe(await shop.reader("still"), plan)
    await _rate(shop, operator, {"bps": None, "creator_id": shop.creator.id})
    await shop.subscribe(await shop.reader("last"), plan)
    sold = await shop.rows("SELECT take_rate_bps FROM sale ORDER BY id")
    assert [sale.take_rate_bps for sale in sold] == [2000, 3000, 500, 500, 3000]
    in_force = await shop.call("GET", f"{path}/in-force?creator_id={shop.creator.id}", operator)
    assert in_force["bps"] == 3000
    listed = await shop.call("GET", f"{path}?creator_id={shop.creator.id}", operator)
    assert [rate["bps"] for rate in listed["data"]] == [None, 0, 500]
    assert listed["data"][2]["id"] == own["id"]


async def _rate(shop: Shop, operator: SignedIn, body: dict[str, Any]) -> Any:
    """Sets a rate and waits for the next second, from which on it holds."""
    made = await shop.call("POST", "/operator/v1/take-rates", operator, body, 201)
    await asyncio.sleep(1.05 - time.time() % 1)
    return made


async def test_a_rate_is_neither_for_the_past_nor_missing(shop: Shop, operator: SignedIn) -> None:
    path = "/operator/v1/take-rates"
    for body, pointer in (
        ({"bps": 1, "effective_from": "2020-01-01T00:00:00Z"}, "/from"),
        ({"bps": None}, "/bps"),
        ({"bps": 10_001}, "/bps"),
    ):
        refused = await shop.call("POST", path, operator, body, 400)
        assert refused["errors"][0]["pointer"] == pointer, body
    await shop.call("POST", path, operator, {"bps": 1, "creator_id": NOBODY}, 404)


async def test_a_rate_that_was_set_stays_as_it_was(shop: Shop, operator: SignedIn) -> None:
    await shop.call("POST", "/operator/v1/take-rates", operator, {"bps": 1}, 201)
    for change in ("UPDATE take_rate SET bps = 2", "DELETE FROM take_rate", "TRUNCATE take_rate"):
        with pytest.raises(sqlalchemy.exc.DBAPIError, match="only ever added"):
            await _run(shop, change)


async def _run(shop: Shop, statement: str) -> None:
    async with shop.context.database.transaction() as session:
        await session.execute(sqlalchemy.text(statement))


async def test_the_books_balance_and_agree_with_the_processor(shop: Shop, operator: SignedIn) -> None:
    first = await shop.subscribe(await shop.reader(), await shop.plan())
    assert first["status"] == "active"
    trial = (await shop.call("GET", "/operator/v1/books/trial-balance", operator))["data"]
    assert {line["kind"]: line["balance"] for line in trial} == {
        "stripe_balance": 748, "processor_fees": 48, "platform_revenue": -198,
        "creator_earned": -792, "creator_fees": 194,
    }  # fmt: skip
    assert sum(line["debits"] for line in trial) == sum(line["credits"] for line in trial)
    before = await shop.call("GET", "/operator/v1/books/trial-balance?at=2020-01-01", operator)
    assert {line["balance"] for line in before["data"]} == {0}
    table = await shop.client.get("/operator/v1/books/trial-balance.csv", headers=operator.headers)
    assert table.headers["content-type"].startswith("text/csv")
    assert len(list(csv.DictReader(io.StringIO(table.text)))) == len(trial)
    own = await shop.call("GET", f"/operator/v1/books/accounts?owner_id={shop.creator.id}", operator)
    assert {account["balance"] for account in own["data"]} == {-792, 194}
    assert await reconcile_balance(shop.context) >= 1
    assert await reconcile_balance(shop.context) == 0
    agreed = await shop.call("GET", "/operator/v1/books/reconciliation", operator)
    [row] = await shop.rows("SELECT source_id FROM ledger_transaction")
    ours = [lost for lost in agreed["missing_in_ledger"] if lost["source_id"] == row.source_id]
    assert ours == []
    assert agreed["missing_at_processor"] == []


async def test_the_journal_is_paged_filtered_and_told_as_a_table(shop: Shop, operator: SignedIn) -> None:
    plan = await shop.plan()
    for name in ("one", "two", "three"):
        await shop.subscribe(await shop.reader(name), plan)
    path, seen, cursor = "/operator/v1/books/journal", [], ""
    while True:
        page = await shop.call("GET", f"{path}?limit=2&owner_id={shop.creator.id}{cursor}", operator)
        seen += page["data"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len({posting["id"] for posting in seen}) == 3
    assert {sum(entry["amount"] for entry in posting["entries"]) for posting in seen} == {0}
    one = await shop.call("GET", f"{path}?source_id={seen[0]['source_id']}", operator)
    assert [posting["id"] for posting in one["data"]] == [seen[0]["id"]]
    none = await shop.call("GET", f"{path}?source_type=refund", operator)
    assert none["data"] == []
    table = await shop.client.get(f"{path}.csv", headers=operator.headers)
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert sum(int(row["amount"]) for row in rows) == 0
    assert {row["source_id"] for row in rows} == {posting["source_id"] for posting in seen}


async def test_sales_are_found_by_charge_buyer_and_time(shop: Shop, operator: SignedIn) -> None:
    plan = await shop.plan()
    buyer = await shop.reader("buyer")
    await shop.subscribe(buyer, plan)
    await shop.subscribe(await shop.reader("other"), plan)
    [sale] = (await shop.call("GET", f"/operator/v1/sales?account_id={buyer.id}", operator))["data"]
    assert sale["price"] == {"amount": 990, "currency": "cny"}
    assert (sale["creator_amount"], sale["take_rate_bps"]) == (792, 2000)
    for query in (f"charge={sale['stripe_charge_id']}", f"account_id={buyer.id}&from=2020-01-01"):
        found = (await shop.call("GET", f"/operator/v1/sales?{query}", operator))["data"]
        assert [each["id"] for each in found] == [sale["id"]]
    for query, count in ((f"knowledge_base_id={shop.base['id']}", 2), ("to=2020-01-01", 0), ("limit=1", 1)):
        assert len((await shop.call("GET", f"/operator/v1/sales?{query}", operator))["data"]) == count


async def test_door_four_is_closed_to_everybody_else(shop: Shop) -> None:
    reader = await shop.reader()
    gets = [
        *("sales", "take-rates", "take-rates/in-force", "payout-blocks", "audit-log", "reports"),
        *("disputes", f"disputes/{NOBODY}", "dead-letters", "pool-rates", "pools"),
        *(f"books/{book}" for book in BOOKS),
    ]
    acts = ("dead-letters/retry", "dead-letters/mail/1/retry", f"sales/{NOBODY}/refund")
    judged = (f"disputes/{NOBODY}/evidence", f"disputes/{NOBODY}/fault")
    posts = ["take-rates", "pool-rates", *acts, *judged, *(f"accounts/{NOBODY}/{act}" for act in ACTS)]
    paths = [("GET", path) for path in gets] + [("POST", path) for path in posts]
    for method, path in paths:
        for who, status in ((shop.creator.headers, 403), (reader.headers, 403), ({}, 401)):
            answer = await shop.client.request(method, f"/operator/v1/{path}", headers=who, json={})
            assert answer.status_code == status, (method, path, answer.text)


async def test_a_dead_letter_is_told_and_worked_again(shop: Shop, operator: SignedIn) -> None:
    path = "/operator/v1/dead-letters"
    await _run(
        shop,
        "INSERT INTO stripe_event (id, endpoint, type, object_id, lane, livemode, created_at, raw, status,"
        " attempts, outcome) VALUES ('evt_dead', 'snapshot', 'weather.changed', 'x', 'x', false, now(), '{}',"
        " 'dead', 12, 'ProcessorRefused: no')",
    )
    await _run(
        shop,
        "INSERT INTO usage_bucket (organization_id, meter, hour, total, due, rejected)"
        " VALUES (gen_random_uuid(), 'answers', date_trunc('hour', now()), 3, false, 'too old')",
    )
    await _run(
        shop,
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, queueing_lock)"
        " VALUES ('default', 'index_document', '{}', 'failed', 'a'), ('default', 'x', '{}', 'todo', 'a'),"
        " ('default', 'index_card', '{}', 'failed', 'b')",
    )
    await _run(
        shop,
        "INSERT INTO letter (id, key, kind, account_id, facts, state, error)"
        " VALUES (gen_random_uuid(), 'k', 'receipt', gen_random_uuid(), '{}', 'dead', 'no such box')",
    )
    dead = (await shop.call("GET", path, operator))["data"]
    assert {(letter["kind"], letter["reason"]) for letter in dead if letter["kind"] != "job"} == {
        ("stripe_event", "ProcessorRefused: no"), ("usage", "too old"), ("mail", "no such box"),
    }  # fmt: skip
    first = await shop.call("GET", f"{path}?limit=3", operator)
    rest = await shop.call("GET", f"{path}?limit=3&cursor={first['next_cursor']}", operator)
    assert [*first["data"], *rest["data"]] == dead
    for letter in dead:
        again = f"{path}/{letter['kind']}/{letter['id']}/retry"
        assert await shop.call("POST", again, operator) == {"count": 1}
        await shop.call("POST", again, operator, expect=404)
    assert (await shop.call("GET", path, operator))["data"] == []
    await shop.work()
    [event] = await shop.rows("SELECT status, attempts FROM stripe_event WHERE id = 'evt_dead'")
    assert tuple(event) == ("worked", 1)
    left = await shop.rows("SELECT task_name FROM procrastinate_jobs WHERE queueing_lock IN ('a', 'b')")
    assert sorted(job.task_name for job in left) == ["index_card", "x"]


async def test_all_of_a_sort_is_worked_again(shop: Shop, operator: SignedIn) -> None:
    await _run(
        shop,
        "INSERT INTO letter (id, key, kind, account_id, facts, state) SELECT gen_random_uuid(), 'k' || n,"
        " 'receipt', gen_random_uuid(), '{}', 'dead' FROM generate_series(1, 3) AS n",
    )
    path = "/operator/v1/dead-letters"
    assert await shop.call("POST", f"{path}/retry", operator, {"kind": "mail"}) == {"count": 3}
    [act] = (await shop.call("GET", "/operator/v1/audit-log?limit=1", operator))["data"]
    assert (act["action"], act["subject"], act["detail"]) == (
        "dead_letter.worked_again", "mail:all", {"count": 3},
    )  # fmt: skip


async def test_an_operator_gives_anybodys_money_back(shop: Shop, operator: SignedIn) -> None:
    await shop.subscribe(await shop.reader(), await shop.plan())
    [sale] = (await shop.call("GET", "/operator/v1/sales", operator))["data"]
    body = {"amount": 400, "reason": "asked by mail"}
    given = await shop.call("POST", f"/operator/v1/sales/{sale['id']}/refund", operator, body, 201)
    assert (given["status"], given["amount"]) == ("succeeded", {"amount": 400, "currency": "cny"})
    await shop.call("POST", f"/operator/v1/sales/{NOBODY}/refund", operator, {"reason": "x"}, 404)
    await shop.settle("charge.refunded")
    [sale] = (await shop.call("GET", "/operator/v1/sales", operator))["data"]
    assert sale["refunded"] == 400
    assert (await shop.call("GET", "/operator/v1/disputes", operator))["data"] == []
