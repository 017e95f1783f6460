"""The ledger holds what it promises, whoever writes to it."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from billing.ledger.accounts import Account
from billing.ledger.balances import balances_of, lines_of
from billing.ledger.journal import Source, post
from billing.ledger.splitting import refund_entries, sale_entries, split_sale
from service.platform.database import Database
from service.platform.ids import new_id

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


async def sell(database: Database, creator: UUID, charge: str, at: datetime = MOMENT) -> bool:
    split = split_sale(990, tax=0, fee=59, creator_id=creator, take_rate_bps=2000)
    async with database.transaction() as session:
        return await post(
            session,
            id=new_id(),
            source=Source("charge", charge, "sale"),
            entries=sale_entries(split, "cny"),
            effective_at=at,
        )


async def test_a_sale_and_its_refund_show_in_the_creators_balance(database: Database) -> None:
    creator = uuid4()
    await sell(database, creator, "ch_1")
    split = split_sale(990, tax=0, fee=59, creator_id=creator, take_rate_bps=2000)
    async with database.transaction() as session:
        await post(
            session,
            id=new_id(),
            source=Source("refund", "re_1", "refund"),
            entries=refund_entries(split, "cny", before=0, amount=990, fee=0),
            effective_at=MOMENT,
        )
    async with database.reading() as connection:
        [balance] = await balances_of(connection, creator)
        lines = await lines_of(connection, creator, start=None, end=None, before=None, limit=10)
    assert (balance.earned, balance.fees, balance.refunded, balance.payable) == (792, 47, 792, -47)
    assert sum(line.amount for line in lines) == balance.payable


async def test_one_source_is_posted_once(database: Database) -> None:
    creator = uuid4()
    posted = await asyncio.gather(*(sell(database, creator, "ch_1") for _ in range(5)))
    assert sorted(posted) == [False] * 4 + [True]
    async with database.reading() as connection:
        [balance] = await balances_of(connection, creator)
    assert balance.earned == 792


async def test_postings_of_many_at_once_keep_every_balance(database: Database) -> None:
    creators = [uuid4() for _ in range(4)]
    await asyncio.gather(*(sell(database, creators[i % 4], f"ch_{i}") for i in range(24)))
    async with database.reading() as connection:
        wrong = await connection.execute(
            sa.text(
                "SELECT count(*) FROM ledger_account a WHERE balance <>"
                " (SELECT sum(amount) FROM ledger_entry e WHERE e.account_id = a.id)"
            )
        )
        assert wrong.scalar_one() == 0
        balances = [await balances_of(connection, creator) for creator in creators]
    assert [balance.earned for [balance] in balances] == [792 * 6] * 4


async def test_a_period_is_read_apart(database: Database) -> None:
    creator = uuid4()
    await sell(database, creator, "ch_1", datetime(2026, 1, 31, 23, tzinfo=UTC))
    await sell(database, creator, "ch_2", datetime(2026, 2, 1, tzinfo=UTC))
    async with database.reading() as connection:
        [february] = await balances_of(connection, creator, start=datetime(2026, 2, 1, tzinfo=UTC))
        [january] = await balances_of(connection, creator, end=datetime(2026, 2, 1, tzinfo=UTC))
    assert february.earned == january.earned == 792


TRANSACTION = """
    INSERT INTO ledger_transaction (id, source_type, source_id, leg, effective_at)
    VALUES (:id, 'x', 'x', 'x', now())
"""
ENTRY = """
    INSERT INTO ledger_entry (transaction_id, position, account_id, amount, currency, effective_at)
    VALUES (:id, 0, :account, 5, 'cny', now())
"""


async def insert(database: Database, *statements: str, **values: object) -> None:
    async with database.transaction() as session:
        for statement in statements:
            await session.execute(sa.text(statement), values)


async def test_the_database_refuses_a_transaction_that_does_not_balance(database: Database) -> None:
    await sell(database, uuid4(), "ch_1")
    account = Account("stripe_balance", "cny").id
    with pytest.raises(DBAPIError, match="does not sum to zero"):
        await insert(database, TRANSACTION, ENTRY, id=uuid4(), account=account)


async def test_the_database_refuses_a_transaction_without_entries(database: Database) -> None:
    with pytest.raises(DBAPIError, match="no entries"):
        await insert(database, TRANSACTION, id=uuid4())


@pytest.mark.parametrize(
    "change", ["DELETE FROM {}", "UPDATE {} SET effective_at = now()", "TRUNCATE {} CASCADE"]
)
@pytest.mark.parametrize("table", ["ledger_entry", "ledger_transaction"])
async def test_nothing_in_the_ledger_is_ever_changed(database: Database, table: str, change: str) -> None:
    await sell(database, uuid4(), "ch_1")
    with pytest.raises(DBAPIError, match="append-only"):
        await insert(database, change.format(table))
