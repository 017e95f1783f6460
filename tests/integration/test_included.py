"""Included units: free for the first of a month, exactly as the processor bills them, whatever is refused."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.access.admission import SpendCapReached
from service.platform.database import Database
from service.usecases.admit_calls import Admission, Call, KeyPrincipal, admit_call
from service.usecases.context import Context
from service.usecases.expire_reservations import expire_reservations
from service.usecases.free_included import free_included
from service.usecases.settle_calls import Outcome, Settlement, release_call, settle_call
from tests.integration.metering import Customer, context_of, make_customer, make_knowledge_base, run

PRICE = 20


@pytest.fixture
def context(database: Database) -> Context:
    return context_of(database, gate=False, included_answers=3)


async def admitted(context: Context, customer: Customer, base: UUID, meter: Any = "answers") -> Admission:
    return await admit_call(context, Call(uuid4(), KeyPrincipal(customer.secret_hash), meter, (base,)))


async def settled(context: Context, admission: Admission) -> Settlement:
    return await settle_call(context, admission, Outcome(1, tuple(admission.decisions)))


async def work(context: Context) -> None:
    """What the worker would do."""
    rows = await run(
        context.database, "DELETE FROM procrastinate_jobs WHERE task_name = 'free_included' RETURNING args"
    )
    for (args,) in rows:
        await free_included(context, **args)


async def books(context: Context, customer: Customer) -> tuple[int, ...]:
    """Units, what they cost by the events, by their shares, and by the counters of organization and key."""
    rows = await run(
        context.database,
        """
        SELECT (SELECT coalesce(sum(units), 0) FROM usage_event), (SELECT coalesce(sum(amount), 0)
               FROM usage_event), (SELECT coalesce(sum(amount), 0) FROM usage_share), o.spent, k.spent,
               o.reserved + k.reserved, o.included_answers
        FROM spend_counter o, spend_counter k WHERE o.subject_id = :org AND k.subject_id = :key
        """,
        org=customer.organization_id,
        key=customer.key_id,
    )
    return tuple(int(value) for value in rows[0])


def cost(units: int, included: int = 3) -> int:
    return max(units - included, 0) * PRICE


async def test_the_first_units_of_a_month_cost_nothing_and_need_no_room_under_the_cap(
    context: Context,
) -> None:
    base = await make_knowledge_base(context.database)
    customer = await make_customer(context.database, cap=PRICE, key_cap=PRICE)
    amounts = [(await settled(context, await admitted(context, customer, base))).amount for _ in range(4)]
    assert amounts == [0, 0, 0, PRICE]
    with pytest.raises(SpendCapReached):
        await admitted(context, customer, base)
    assert await books(context, customer) == (4, PRICE, PRICE, PRICE, PRICE, 0, 3)
    none = await make_customer(context.database, cap=0)
    with pytest.raises(SpendCapReached):
        await admitted(context, none, base)


async def test_what_creators_ask_on_top_is_never_included(context: Context) -> None:
    base = await make_knowledge_base(context.database, api_price_amount=5, api_price_currency="cny")
    customer = await make_customer(context.database)
    for _ in range(4):
        await settled(context, await admitted(context, customer, base))
    assert await books(context, customer) == (4, 40, 40, 40, 40, 0, 3)
    rows = await run(context.database, "SELECT amount, on_top, included FROM usage_event ORDER BY at")
    assert [tuple(row) for row in rows] == [(5, 5, True)] * 3 + [(25, 5, False)]


async def test_a_contract_keeps_the_terms_it_was_bought_at(context: Context) -> None:
    base = await make_knowledge_base(context.database)
    customer = await make_customer(context.database)
    await run(context.database, "UPDATE contract SET price_answers = 7, included_answers = 1")
    amounts = [(await settled(context, await admitted(context, customer, base))).amount for _ in range(3)]
    assert amounts == [0, 7, 7]


async def test_a_unit_that_was_given_back_goes_to_the_next_call_that_is_billed(context: Context) -> None:
    base = await make_knowledge_base(context.database)
    customer = await make_customer(context.database)
    first = [await admitted(context, customer, base) for _ in range(3)]
    paying = await admitted(context, customer, base)
    await release_call(context, first[0])
    assert (await settled(context, paying)).amount == 0
    for one in first[1:]:
        assert (await settled(context, one)).amount == 0
    assert await books(context, customer) == (3, 0, 0, 0, 0, 0, 3)


@pytest.mark.parametrize("ended", ["released", "expired"])
async def test_a_unit_that_comes_back_after_a_call_was_billed_makes_that_call_free(
    context: Context, ended: str
) -> None:
    base = await make_knowledge_base(context.database, api_price_amount=5, api_price_currency="cny")
    customer = await make_customer(context.database)
    held = [await admitted(context, customer, base) for _ in range(3)]
    billed = await admitted(context, customer, base)
    assert (await settled(context, billed)).amount == PRICE + 5
    for one in held[1:]:
        await settled(context, one)
    if ended == "released":
        await release_call(context, held[0])
    else:
        await run(context.database, "UPDATE reservation SET expires_at = zhihao_now() WHERE state = 'held'")
        assert await expire_reservations(context) == 1
    await work(context)
    assert await books(context, customer) == (3, 15, 15, 15, 15, 0, 3)
    assert (await settled(context, billed)).amount == 5
    rows = await run(context.database, "SELECT sum(accrued - on_top_accrued)::int FROM usage_share")
    assert rows[0][0] == 0


async def test_a_crowd_that_is_answered_and_refused_at_once_costs_what_the_processor_bills(
    database: Database,
) -> None:
    contexts = [context_of(database, included_answers=7, gate_batch_size=5) for _ in range(2)]
    base = await make_knowledge_base(database)
    customer = await make_customer(database, cap=40 * PRICE)

    async def whole(number: int) -> None:
        context = contexts[number % 2]
        admission = await admitted(context, customer, base)
        await asyncio.sleep(0.01 * (number % 3))
        await (release_call(context, admission) if number % 3 == 0 else settled(context, admission))

    await asyncio.gather(*(whole(number) for number in range(30)))
    await close(contexts)
    await work(contexts[0])
    units = 20
    due = cost(units, 7)
    assert await books(contexts[0], customer) == (units, due, due, due, due, 0, 7)


async def close(contexts: Sequence[Context]) -> None:
    for context in contexts:
        assert context.gate is not None
        await context.gate.close()
