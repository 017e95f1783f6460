"""The traffic pool: who counts as a reader, what they are worth, and the close of a month, once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from billing.ledger.accounts import Account
from billing.ledger.journal import Entry, Source, post
from billing.money import Money
from billing.shares import pools, reads
from billing.shares.pools import InvalidPoolRate
from service.creator_api.router import router as creator_api
from service.operator_api.router import router as operator_api
from service.platform.database import Database
from service.platform.ids import new_id
from service.subscriber_api.accounts import router as sign_in
from service.usecases.check_invariants import check_invariants
from service.usecases.close_months import close_months
from service.usecases.context import Context
from service.usecases.read_earnings import read_earnings
from service.usecases.read_shares import PoolOfMonth, read_pool
from service.usecases.record_read import record_read
from tests.integration.metering import context_of, make_knowledge_base, run
from tests.integration.questions import CANARY_QUESTION, FREE_QUESTION, open_world
from tests.integration.serving import bare_context, register, serving

MONTH = date(2026, 3, 1)
NOW = datetime(2026, 3, 20, tzinfo=UTC)


class Square:
    """A square in some March, with readers and a platform that earns."""

    def __init__(self, database: Database, **settings: Any) -> None:
        given = {"pool_min_readers": 1, "pool_creator_max_bps": 10_000} | settings
        self.context: Context = context_of(database, gate=False, **given)
        self.database = database

    async def at(self, moment: datetime) -> None:
        await run(self.database, "UPDATE clock_offset SET ahead = :at - now()", at=moment)

    async def account(self, *, suspended: bool = False, days: int = 30) -> UUID:
        id = uuid4()
        await run(
            self.database,
            "INSERT INTO account (id, display_name, created_at, suspended_at) VALUES (:id, 'x',"
            " zhihao_now() - make_interval(days => :days), CASE WHEN :suspended THEN zhihao_now() END)",
            id=id,
            days=days,
            suspended=suspended,
        )
        return id

    async def base(self, **given: object) -> tuple[UUID, UUID]:
        owner = await self.account(suspended=bool(given.pop("suspended", False)))
        return await make_knowledge_base(self.database, owner_id=owner, **given), owner

    async def read(self, *bases: UUID, account: UUID | None = None, network: str | None = None) -> None:
        for base in bases:
            await record_read(self.context, knowledge_base_ids=[base], account_id=account, network=network)

    async def readers(self, count: int, *bases: UUID, network: str | None = None) -> None:
        for _ in range(count):
            await self.read(*bases, account=await self.account(), network=network)

    async def earn(self, revenue: int, fees: int = 0, currency: str = "cny", days: int = 0) -> None:
        async with self.database.transaction() as session:
            await post(
                session,
                id=uuid4(),
                source=Source("charge", uuid4().hex, "sale"),
                entries=[
                    Entry(Account("stripe_balance", currency), revenue - fees),
                    Entry(Account("platform_revenue", currency), -revenue),
                    Entry(Account("processor_fees", currency), fees),
                ],
                effective_at=NOW + timedelta(days=days),
            )

    async def close(self) -> int:
        """In the next month, once the books of March are complete."""
        await self.at(datetime(2026, 4, 6, 0, 0, 1, tzinfo=UTC))
        return await close_months(self.context)

    async def earned(self, creators: Sequence[UUID], currency: str = "cny") -> list[int]:
        sums = []
        for creator in creators:
            found = await read_earnings(self.context, creator_id=creator, start=None, end=None)
            sums.append(sum(one.earned for one in found.balances if one.currency == currency))
        return sums

    async def statement(self, creator: UUID) -> PoolOfMonth:
        [(month, found)] = await read_pool(self.context, creator_id=creator, before=None, limit=2)
        assert month == MONTH
        return found

    async def counted(self) -> int:
        return int((await run(self.database, "SELECT count(*) FROM free_read"))[0][0])

    async def healthy(self) -> None:
        findings = await check_invariants(self.context)
        kinds = ("shares", "pool", "ledger")
        assert [one for one in findings if one.faults and one.name.startswith(kinds)] == []


@pytest.fixture
async def square(database: Database) -> Square:
    made = Square(database)
    await made.at(NOW)
    return made


async def square_with(database: Database, **settings: Any) -> Square:
    made = Square(database, **settings)
    await made.at(NOW)
    return made


async def test_a_month_is_divided_by_its_readers_and_posted_once(square: Square) -> None:
    (first, one), (second, two) = await square.base(), await square.base()
    await square.earn(100_000, 10_000)
    # In other months, and in the running one after the close: no part of it.
    await square.earn(77_777, days=-30)
    await square.earn(77_777, days=15)
    await square.readers(2, first)
    await square.readers(1, first, second)
    await square.read(first, account=two)
    # 9,000 for four readers, of whom one read both.
    assert await square.close() == 1
    assert await square.earned([one, two]) == [7875, 1125]
    assert await close_months(square.context) == 0
    statement = await square.statement(one)
    assert (statement.month, statement.readers, statement.amounts) == ("2026-03", 4, [Money(7875, "cny")])
    [mine] = statement.knowledge_bases
    assert (mine.knowledge_base_id, mine.readers, mine.reasons) == (first, 4, [])
    rows = await run(square.database, "SELECT * FROM pool_month")
    assert [(row.net_take, row.bps, row.pool, row.distributed) for row in rows] == [
        (90_000, 1000, 9_000, 9_000)
    ]
    await square.healthy()


async def test_two_workers_close_a_month_once(square: Square) -> None:
    base, creator = await square.base()
    await square.earn(1_000)
    await square.readers(1, base)
    await square.at(datetime(2026, 4, 6, 0, 0, 1, tzinfo=UTC))
    closed = await asyncio.gather(*(close_months(square.context) for _ in range(4)))
    assert sorted(closed) == [0, 0, 0, 1]
    assert await square.earned([creator]) == [100]


async def test_a_month_waits_for_its_books_and_a_loss_is_no_pool(square: Square) -> None:
    base, creator = await square.base()
    await square.earn(1_000, 2_000)
    await square.earn(5_000, currency="usd")
    await square.readers(1, base)
    await square.at(datetime(2026, 4, 5, 23, 59, tzinfo=UTC))
    assert await close_months(square.context) == 0
    assert await square.close() == 1
    assert await square.earned([creator]) == [0]
    assert await square.earned([creator], "usd") == [500]
    await square.healthy()


async def test_who_read_is_forgotten_with_the_month(square: Square) -> None:
    base, _ = await square.base()
    await square.readers(3, base)
    assert await square.counted() == 3
    await square.close()
    assert await square.counted() == 0
    [(salt,)] = await run(square.database, "SELECT salt FROM read_month WHERE closed_at IS NOT NULL")
    assert salt is None
    # A straggler of a closed month is not taken up.
    await square.at(NOW)
    await square.readers(1, base)
    assert await square.counted() == 0


async def test_one_reader_is_one_however_often_they_read(square: Square) -> None:
    base, owner = await square.base()
    reader = await square.account()
    for network in (None, "198.51.100.0/24", "203.0.113.0/24"):
        await square.read(base, account=reader, network=network)
    assert await square.counted() == 1
    # The owner, the young and the nameless do not count; a network counts as one.
    await square.read(base, account=owner)
    await square.read(base, account=await square.account(days=2))
    await square.read(base)
    assert await square.counted() == 1
    for _ in range(3):
        await square.read(base, network="203.0.113.0/24")
    assert await square.counted() == 2


async def test_only_what_is_public_counts(square: Square) -> None:
    for hidden in ({"visibility": "unlisted"}, {"visibility": "private"}, {"status": "draft"}):
        base, _ = await square.base(**hidden)
        await square.readers(1, base)
    assert await square.counted() == 0


async def test_anonymous_readers_may_be_left_out(database: Database) -> None:
    square = await square_with(database, pool_anonymous_readers=False)
    base, _ = await square.base()
    await square.read(base, network="203.0.113.0/24")
    assert await square.counted() == 0


async def test_of_one_network_only_so_many_readers_count(database: Database) -> None:
    square = await square_with(database, pool_accounts_per_network=2)
    (farmed, farmer), (honest, creator) = await square.base(), await square.base()
    await square.earn(10_000)
    await square.readers(8, farmed, network="203.0.113.0/24")
    await square.readers(2, honest, network="198.51.100.0/24")
    await square.close()
    assert await square.earned([farmer, creator]) == [500, 500]
    assert (await square.statement(farmer)).readers == 2
    await square.healthy()


async def test_limits_keep_back_and_say_why_and_raise_nobodys_part(database: Database) -> None:
    square = await square_with(database, pool_min_readers=2, pool_creator_max_bps=3000)
    (large, rich), (small, poor), (gone, suspended) = (
        await square.base(),
        await square.base(),
        await square.base(suspended=True),
    )
    (fair, middling) = await square.base()
    await square.earn(100_000)
    await square.readers(5, large)
    await square.readers(1, small)
    await square.readers(2, gone)
    await square.readers(2, fair)
    await square.close()
    # A tenth of the pool of 10,000 for each reader.
    assert await square.earned([rich, poor, suspended, middling]) == [3000, 0, 0, 2000]
    reasons = [
        (await square.statement(who)).knowledge_bases[0].reasons for who in (rich, poor, suspended, middling)
    ]
    assert reasons == [["creator_limit"], ["too_few_readers"], ["not_eligible"], []]
    assert (await square.statement(rich)).knowledge_bases[0].withheld == [Money(2000, "cny")]
    await square.healthy()


async def test_operators_set_the_rate_from_a_month_on(square: Square) -> None:
    base, creator = await square.base()
    await square.earn(1_000)
    await square.readers(1, base)
    async with square.database.transaction() as session:
        given: dict[str, Any] = {"set_by": uuid4(), "now": NOW}
        for month, bps in ((None, 2000), (date(2026, 4, 15), 9000), (None, 2500)):
            await pools.set_pool_rate(session, id=new_id(), from_month=month, bps=bps, **given)
        with pytest.raises(InvalidPoolRate):
            await pools.set_pool_rate(session, id=new_id(), from_month=date(2026, 2, 1), bps=1, **given)
        months = [date(2026, 2, 1), MONTH, date(2026, 5, 1)]
        rates = [await pools.pool_rate_bps(session, month=month, default=1000) for month in months]
        assert [one.bps for one in await pools.list_pool_rates(session, before=None, limit=9)] == [
            2500,
            9000,
            2000,
        ]
    assert rates == [1000, 2500, 9000]
    await square.close()
    assert await square.earned([creator]) == [250]
    async with square.database.reading() as connection:
        [closed] = await pools.list_closed(connection, before=None, limit=9)
    assert (closed.month, closed.bps, closed.distributed) == (MONTH, 2500, Money(250, "cny"))


async def test_a_salt_made_by_another_is_found(database: Database) -> None:
    square = await square_with(database)
    base, owner = await square.base()

    async def one(name: str) -> None:
        async with database.transaction() as session:
            await reads.record(session, reader=name, network=None, readings=[(base, owner)])

    await asyncio.gather(*(one(f"reader {number}") for number in range(8)))
    assert await square.counted() == 8


async def test_reading_and_asking_what_is_free_count_and_paid_reading_does_not(
    database: Database, database_url: str, tmp_path: Any
) -> None:
    async with open_world(database, database_url, tmp_path, free_questions=1) as world:

        async def counted() -> int:
            return await world.count("free_read")

        reader, subscriber, asker, other = (
            await world.reader(),
            await world.reader(subscribed=True),
            await world.reader(),
            await world.reader(),
        )
        path = f"/v1/knowledge-bases/{world.base['id']}/documents/{world.free['id']}"
        young = await world.client.get(path, headers=reader.headers)
        assert young.status_code == 200
        assert await counted() == 0
        await run(database, "UPDATE account SET created_at = created_at - interval '10 days'")
        for who in (reader, subscriber):
            for _ in range(2):
                assert (await world.client.get(path, headers=who.headers)).status_code == 200
        # From this machine nobody without a name counts.
        assert (await world.client.get(path)).status_code == 200
        assert await counted() == 1
        # A free question opens the paid tier for one answer: that is no reading of what is free.
        await world.answer(asker, CANARY_QUESTION)
        assert await counted() == 1
        await run(database, "UPDATE knowledge_base SET free_questions = 0, paid_documents = 0")
        answer = await world.answer(other, FREE_QUESTION)
        assert not answer["refused"]
        assert await counted() == 2


async def test_operators_set_rates_by_their_door_and_creators_see_their_months(database: Database) -> None:
    square = await square_with(database)
    doors = (sign_in, operator_api, creator_api)
    async with serving(bare_context(database), doors) as client:
        operator, creator = await register(client, "operator"), await register(client, "creator")
        base = await make_knowledge_base(database, owner_id=UUID(creator.id))
        await square.earn(1_000)
        await square.readers(1, base)
        for headers, body, status in (
            (creator.headers, {"bps": 1}, 403),
            (operator.headers, {"bps": 10_001}, 400),
            (operator.headers, {"bps": 1, "from_month": "2026-02-28"}, 400),
            (operator.headers, {"bps": 5000}, 201),
            (operator.headers, {"bps": 6000, "from_month": "2026-05-17"}, 201),
        ):
            answer = await client.post("/operator/v1/pool-rates", json=body, headers=headers)
            assert answer.status_code == status, answer.text
        rates = (await client.get("/operator/v1/pool-rates", headers=operator.headers)).json()["data"]
        assert [(rate["from_month"], rate["bps"]) for rate in rates] == [
            ("2026-05-01", 6000),
            ("2026-03-01", 5000),
        ]
        await square.close()
        [pool] = (await client.get("/operator/v1/pools", headers=operator.headers)).json()["data"]
        assert pool["distributed"] == {"amount": 500, "currency": "cny"}
        shown = (await client.get("/creator/v1/earnings/pool", headers=creator.headers)).json()
        assert shown == {
            "data": [
                {
                    "month": "2026-03",
                    "readers": 1,
                    "amounts": [{"amount": 500, "currency": "cny"}],
                    "knowledge_bases": [
                        {
                            "knowledge_base_id": str(base),
                            "readers": 1,
                            "amounts": [{"amount": 500, "currency": "cny"}],
                            "withheld": [],
                            "reasons": [],
                        }
                    ],
                }
            ],
            "next_cursor": None,
        }
        empty = await client.get("/creator/v1/earnings/shares", headers=creator.headers)
        assert empty.json() == {"data": [], "next_cursor": None}
