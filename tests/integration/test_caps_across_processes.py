"""Caps hold whoever asks: several processes at once on one key."""

import pytest

from service.platform.database import Database
from tests.integration.metering import make_customer, make_knowledge_base, run
from tests.integration.racing import told_by_processes

PRICE = 20


@pytest.mark.parametrize("limited", ["organization", "key"])
async def test_two_hundred_calls_on_a_balance_of_ten_from_four_processes_bill_exactly_ten(
    database: Database, database_url: str, limited: str
) -> None:
    base = await make_knowledge_base(database)
    cap = 10 * PRICE
    customer = await make_customer(
        database, cap=cap if limited == "organization" else None, key_cap=cap if limited == "key" else None
    )
    told = await told_by_processes(database_url, customer.secret_hash, base, 50)
    assert told == {f"billed {PRICE}": 10, "SpendCapReached": 190}
    rows = await run(
        database,
        """
        SELECT (SELECT sum(units)::int FROM usage_event), (SELECT sum(total)::int FROM usage_bucket),
               (SELECT spent::int FROM spend_counter WHERE subject_id = :org),
               (SELECT sum(reserved)::int FROM spend_counter)
        """,
        org=customer.organization_id,
    )
    assert tuple(rows[0]) == (10, 10, cap, 0)
