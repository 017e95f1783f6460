"""The doctor on its schedule: quick checks each time, all of them once a day; metrics and door 4 tell it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
import sqlalchemy as sa

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry, Source, post
from billing.processor.balance import BalanceLine
from billing.processor.port import PaymentProcessor, ProcessorUnavailable
from service.operator_api.router import router as operator_api
from service.platform.alarms import raise_alarm
from service.platform.database import Database, zhihao_now
from service.platform.ids import new_id
from service.subscriber_api.accounts import router as sign_in
from service.usecases.check_invariants import check_invariants
from service.usecases.context import Context
from service.usecases.invariants.catalog import INVARIANTS
from service.usecases.reconcile_balance import read_reconciliation, reconcile_balance
from service.usecases.watch_invariants import QUICK, watch_invariants
from tests.integration.serving import bare_context, register, serving


class Statement:
    """A processor that knows its balance, or cannot be reached."""

    def __init__(self) -> None:
        self.lines: list[BalanceLine] = []
        self.down = False

    async def list_balance_lines(self, **_since: Any) -> tuple[list[BalanceLine], None]:
        if self.down:
            raise ProcessorUnavailable("down")
        return self.lines[::-1], None


@pytest.fixture
def statement() -> Statement:
    return Statement()


@pytest.fixture
def context(database: Database, statement: Statement) -> Context:
    return bare_context(database, payments=cast(PaymentProcessor, statement))


@pytest.fixture
async def client(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(context, (sign_in, operator_api)) as opened:
        yield opened


async def run(database: Database, statement: str, **values: Any) -> None:
    async with database.transaction() as session:
        await session.execute(sa.text(statement), values)


async def line(database: Database, id: str, net: int, type: str = "charge") -> BalanceLine:
    async with database.reading() as connection:
        now = await zhihao_now(connection)
    return BalanceLine(id, type, None if type == "stripe_fee" else f"of_{id}", "cny", net, 0, net, now)


async def broken(context: Context) -> set[str]:
    return {finding.name for finding in await check_invariants(context) if finding.faults}


async def test_the_first_run_checks_everything_and_the_next_only_what_is_quick(
    database: Database, context: Context, client: httpx.AsyncClient
) -> None:
    operator = await register(client, "operator")
    await watch_invariants(context)
    health = (await client.get("/operator/v1/health/invariants", headers=operator.headers)).json()
    assert health["holds"] is True
    assert len(health["invariants"]) == len(INVARIANTS)
    first = {each["name"]: each["checked_at"] for each in health["invariants"]}
    await run(
        database,
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status)"
        " VALUES ('default', 'index_document', '{}', 'failed')",
    )
    await watch_invariants(context)
    health = (await client.get("/operator/v1/health/invariants", headers=operator.headers)).json()
    again = {each["name"]: each["checked_at"] for each in health["invariants"]}
    assert {name for name in first if again[name] != first[name]} == {check.name for check in QUICK}
    assert health["holds"] is False
    assert [each["name"] for each in health["invariants"] if each["faults"]] == ["work.jobs"]
    await run(database, "UPDATE invariant_check SET checked_at = checked_at - interval '1 day'")
    await watch_invariants(context)
    metrics = (await client.get("/metrics")).text
    assert 'zhihao_invariant_faults{check="work.jobs"} 1.0' in metrics
    assert 'zhihao_invariant_faults{check="ledger.balanced"} 0.0' in metrics
    assert 'zhihao_dead_letters{kind="job"} 1.0' in metrics
    assert "zhihao_inbox_waiting 0.0" in metrics


async def test_alarms_are_counted_and_told(database: Database, client: httpx.AsyncClient) -> None:
    for _ in range(3):
        async with database.transaction() as session:
            await raise_alarm(session, "api_version", "1999-01-01")
    await run(database, "UPDATE alarm SET last_at = now() - interval '1 minute'")
    async with database.transaction() as session:
        await raise_alarm(session, "api_version", "1999-01-01")
    assert 'zhihao_alarms{alarm="api_version"} 2.0' in (await client.get("/metrics")).text
    operator = await register(client, "operator")
    health = (await client.get("/operator/v1/health/invariants", headers=operator.headers)).json()
    assert [(alarm["name"], alarm["detail"], alarm["times"]) for alarm in health["alarms"]] == [
        ("api_version", "1999-01-01", 2)
    ]


async def test_metrics_are_told_without_the_database() -> None:
    nowhere = Database("postgresql://nobody@127.0.0.1:1/none", pool_size=1, max_overflow=0, pool_timeout=1)
    async with serving(bare_context(nowhere), ()) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert "zhihao_http_requests_total" in answer.text
    assert "zhihao_inbox_waiting" not in answer.text


async def test_what_the_processor_has_and_the_ledger_has_not_is_pending_and_then_wrong(
    database: Database, context: Context, statement: Statement
) -> None:
    statement.lines = [await line(database, "txn_1", 500)]
    assert await reconcile_balance(context) == 1
    told = await read_reconciliation(context)
    assert told.agreed
    assert [(lost.source_id, lost.processor, lost.ledger) for lost in told.missing_in_ledger] == [
        ("of_txn_1", 500, 0)
    ]
    assert await broken(context) == set()
    await run(database, "UPDATE balance_transaction SET read_at = now() - interval '1 hour'")
    assert await broken(context) == {"books.of_the_processor"}
    assert not (await read_reconciliation(context)).agreed


async def test_a_line_is_matched_when_the_ledger_says_the_same(
    database: Database, context: Context, statement: Statement
) -> None:
    statement.lines = [await line(database, "txn_1", 500), await line(database, "txn_fee", -30, "stripe_fee")]
    await _post(database, "of_txn_1", 500)
    assert await reconcile_balance(context) == 2
    await run(database, "UPDATE balance_transaction SET read_at = now() - interval '1 hour'")
    told = await read_reconciliation(context)
    [total] = told.currencies
    assert (total.ledger, total.processor, total.difference, told.agreed) == (470, 470, 0, True)
    assert (told.missing_in_ledger, told.missing_at_processor) == ([], [])
    assert await broken(context) == set()


async def test_what_the_ledger_has_and_the_processor_has_not_is_wrong_once_it_was_read(
    database: Database, context: Context, statement: Statement
) -> None:
    await _post(database, "ch_made_up", 700)
    await reconcile_balance(context)
    assert await broken(context) == set()  # posted just now: the next reading may have it
    await run(
        database,
        "UPDATE event_mark SET read_until = read_until + :later WHERE endpoint = 'balance_read'",
        later=timedelta(hours=1),
    )
    assert await broken(context) == {"books.of_the_ledger"}
    told = await read_reconciliation(context)
    assert not told.agreed
    assert [(lost.source_id, lost.ledger) for lost in told.missing_at_processor] == [("ch_made_up", 700)]


async def test_an_unreachable_processor_does_not_stop_the_checks(
    context: Context, statement: Statement, database: Database
) -> None:
    statement.down = True
    await watch_invariants(context)
    async with database.reading() as connection:
        checked = await connection.execute(sa.text("SELECT count(*) FROM invariant_check"))
        assert checked.scalar_one() == len(INVARIANTS)


async def _post(database: Database, source_id: str, amount: int) -> None:
    async with database.transaction() as session:
        await post(
            session,
            id=new_id(),
            source=Source("charge", source_id, "sale"),
            entries=[
                Entry(Account("stripe_balance", "cny"), amount),
                Entry(Account("platform_revenue", "cny"), -amount),
            ],
            effective_at=await zhihao_now(session),
        )
