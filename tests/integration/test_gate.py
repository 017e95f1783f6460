"""The gate on a real PostgreSQL: caps at any concurrency, strict revokes, ends that are told once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from billing.metering.reservations import ReservationExpired
from service.access.admission import (
    ContractRequired,
    EntitlementRequired,
    KeyRejected,
    KnowledgeBaseUnavailable,
    PaymentRequired,
    RateLimited,
    ScopeMissing,
    SpendCapReached,
)
from service.access.asking import decide_for_account, scope_of
from service.answering.records import FinishedAnswer, RunningAnswer
from service.platform.database import Database
from service.usecases.admit_calls import AccountPrincipal, Admission, Call, KeyPrincipal, admit_call
from service.usecases.context import Context
from service.usecases.expire_reservations import expire_reservations
from service.usecases.settle_calls import Outcome, release_call, settle_call
from tests.integration.metering import (
    Customer,
    add_secret,
    context_of,
    make_customer,
    make_grant,
    make_knowledge_base,
    run,
)

PRICE = 20


@pytest.fixture
async def context(database: Database) -> AsyncIterator[Context]:
    made = context_of(database)
    yield made
    assert made.gate is not None
    await made.gate.close()


def answer_call(customer: Customer, *bases: UUID, meter: Any = "answers") -> Call:
    call_id = uuid4()
    answer = RunningAnswer(call_id, "why?", bases) if meter == "answers" else None
    return Call(call_id, KeyPrincipal(customer.secret_hash), meter, bases, answer)


def question(account_id: UUID, *bases: UUID) -> Call:
    call_id = uuid4()
    return Call(
        call_id, AccountPrincipal(account_id), "answers", bases, RunningAnswer(call_id, "why?", bases)
    )


def cited(admission: Admission, *bases: UUID) -> Outcome:
    return Outcome(1, bases, {}, FinishedAnswer(admission.call_id, "done", "so", billed_units=1))


async def counter(database: Database, subject: UUID) -> tuple[int, int]:
    rows = await run(database, "SELECT spent, reserved FROM spend_counter WHERE subject_id = :s", s=subject)
    return tuple(rows[0])


async def attempt(context: Context, call: Call) -> Admission | Exception:
    try:
        return await admit_call(context, call)
    except Exception as error:
        return error


async def test_a_metered_answer_is_billed_once_and_shows_everywhere(context: Context) -> None:
    base = await make_knowledge_base(context.database, api_price_amount=5, api_price_currency="cny")
    customer = await make_customer(context.database, cap=100, key_cap=60)
    admission = await admit_call(context, answer_call(customer, base))
    assert admission.cap_remaining == 60 - 25
    assert admission.decisions[base].why == "contract"
    assert [(view.knowledge_base_id, view.tier) for view in admission.scope.views] == [(base, "all")]
    first = await settle_call(context, admission, cited(admission, base))
    again = await settle_call(context, admission, cited(admission, base))
    assert (first.billed_units, first.amount, first.cap_remaining) == (1, 25, 35)
    assert again == first
    assert await counter(context.database, customer.key_id) == (25, 0)
    assert await counter(context.database, customer.organization_id) == (25, 0)
    events = await run(context.database, "SELECT call_id, units, amount FROM usage_event")
    assert [tuple(row) for row in events] == [(admission.call_id, 1, 25)]
    shares = await run(context.database, "SELECT units, amount, accrued FROM usage_share")
    assert [tuple(row) for row in shares] == [(1, 25, 10 + 4)]
    buckets = await run(context.database, "SELECT meter, total FROM usage_bucket ORDER BY meter")
    assert [tuple(row) for row in buckets] == [("answers", 1), ("creator_prices", 5)]
    rows = await run(context.database, "SELECT status, organization_id, key_id FROM answer")
    assert [tuple(row) for row in rows] == [("done", customer.organization_id, customer.key_id)]


async def test_a_refusal_gives_everything_back(context: Context) -> None:
    base = await make_knowledge_base(context.database)
    customer = await make_customer(context.database, cap=20)
    admission = await admit_call(context, answer_call(customer, base))
    assert admission.cap_remaining == 0
    settlement = await settle_call(
        context, admission, Outcome(0, answer=FinishedAnswer(admission.call_id, "refused"))
    )
    assert (settlement.billed_units, settlement.amount, settlement.cap_remaining) == (0, 0, 20)
    assert await run(context.database, "SELECT FROM usage_event") == []
    with pytest.raises(ReservationExpired):
        await settle_call(context, admission, cited(admission, base))


async def test_released_calls_are_unbilled_and_their_answers_failed(context: Context) -> None:
    base = await make_knowledge_base(context.database)
    customer = await make_customer(context.database)
    admission = await admit_call(context, answer_call(customer, base))
    await release_call(context, admission, FinishedAnswer(admission.call_id, "failed"))
    await release_call(context, admission)
    assert await counter(context.database, customer.key_id) == (0, 0)
    assert [row[0] for row in await run(context.database, "SELECT status FROM answer")] == ["failed"]


async def test_two_hundred_calls_on_a_balance_of_ten_from_four_pools_admit_exactly_ten(
    database_url: str, database: Database
) -> None:
    base = await make_knowledge_base(database)
    customer = await make_customer(database, cap=10 * PRICE)
    pools = [Database(database_url, pool_size=4, max_overflow=2, pool_timeout=10) for _ in range(4)]
    contexts = [context_of(pool, gate_batch_size=8) for pool in pools]
    calls = [answer_call(customer, base) for _ in range(200)]
    try:
        verdicts = await asyncio.gather(*(attempt(contexts[i % 4], call) for i, call in enumerate(calls)))
        admitted = [verdict for verdict in verdicts if isinstance(verdict, Admission)]
        assert len(admitted) == 10
        assert {type(v) for v in verdicts if not isinstance(v, Admission)} == {SpendCapReached}
        await asyncio.gather(*(settle_call(contexts[0], a, cited(a, base)) for a in admitted))
    finally:
        for each in contexts:
            assert each.gate is not None
            await each.gate.close()
        for pool in pools:
            await pool.close()
    assert await counter(database, customer.organization_id) == (10 * PRICE, 0)
    totals = await run(database, "SELECT sum(total)::bigint FROM usage_bucket")
    events = await run(database, "SELECT sum(units)::bigint, sum(amount)::bigint FROM usage_event")
    assert (totals[0][0], tuple(events[0])) == (10, (10, 10 * PRICE))


async def test_many_keys_and_bases_in_one_group_settle_to_the_unit(database: Database) -> None:
    """Groups of several processes cross each other's counters and buckets, and none waits in a ring."""
    contexts = [context_of(database, gate_batch_size=16) for _ in range(3)]
    bases = [await make_knowledge_base(database) for _ in range(4)]
    customers = [await make_customer(database) for _ in range(5)]

    async def whole(number: int) -> None:
        where = contexts[number % 3]
        customer, asked = customers[number % 5], bases[: 1 + number % 4]
        admission = await admit_call(where, answer_call(customer, *asked, meter="passages"))
        if number % 7 == 0:
            await release_call(where, admission)
        else:
            await settle_call(where, admission, Outcome(1, tuple(asked)))

    await asyncio.gather(*(whole(number) for number in range(210)))
    for each in contexts:
        assert each.gate is not None
        await each.gate.close()
    rows = await run(
        database,
        """
        SELECT (SELECT sum(units)::int FROM usage_event), (SELECT sum(total)::int FROM usage_bucket),
               (SELECT sum(units)::int FROM usage_share), (SELECT sum(amount)::int FROM usage_event),
               (SELECT sum(amount)::int FROM usage_share),
               (SELECT sum(spent)::int FROM spend_counter), (SELECT sum(reserved)::int FROM spend_counter)
        """,
    )
    assert tuple(rows[0]) == (180, 180, 180, 360, 360, 720, 0)


async def test_a_cap_of_nought_stops_every_call_even_a_free_one(database: Database) -> None:
    context = context_of(database, gate=False, price_answers=0)
    base = await make_knowledge_base(database)
    customer = await make_customer(database, cap=0)
    with pytest.raises(SpendCapReached):
        await admit_call(context, answer_call(customer, base))


async def test_a_revoked_key_or_an_expired_secret_is_refused_from_the_next_call_on(context: Context) -> None:
    base = await make_knowledge_base(context.database)
    customer = await make_customer(context.database)
    await admit_call(context, answer_call(customer, base))
    new = Customer(customer.organization_id, customer.key_id, uuid4().bytes)
    await add_secret(context.database, customer, new.secret_hash)
    old_until = datetime.now(UTC) + timedelta(hours=1)
    await run(
        context.database,
        "UPDATE api_key_secret SET expires_at = :at WHERE secret_hash = :h",
        at=old_until,
        h=customer.secret_hash,
    )
    await admit_call(context, answer_call(customer, base))
    await admit_call(context, answer_call(new, base))
    await run(
        context.database,
        "UPDATE api_key_secret SET expires_at = zhihao_now() WHERE secret_hash = :h",
        h=customer.secret_hash,
    )
    with pytest.raises(KeyRejected):
        await admit_call(context, answer_call(customer, base))
    await admit_call(context, answer_call(new, base))
    await run(
        context.database, "UPDATE api_key SET revoked_at = zhihao_now() WHERE id = :k", k=customer.key_id
    )
    with pytest.raises(KeyRejected):
        await admit_call(context, answer_call(new, base))
    assert await counter(context.database, customer.key_id) == (0, 4 * PRICE)


async def test_each_reason_to_refuse_a_key_has_its_own_error(context: Context) -> None:
    database = context.database
    base, other = await make_knowledge_base(database), await make_knowledge_base(database)
    closed = await make_knowledge_base(database, api_access=False)
    draft = await make_knowledge_base(database, status="draft")
    private = await make_knowledge_base(database, visibility="private")
    narrow = await make_customer(database, scopes=("passages:read",), allowed=[base])
    with pytest.raises(ScopeMissing):
        await admit_call(context, answer_call(narrow, base))
    await admit_call(context, answer_call(narrow, base, meter="passages"))
    for unavailable in (other, closed, draft, private, uuid4()):
        with pytest.raises(KnowledgeBaseUnavailable):
            await admit_call(context, answer_call(narrow, base, unavailable, meter="passages"))
    for status, error in (
        (None, ContractRequired),
        ("incomplete", ContractRequired),
        ("canceled", ContractRequired),
    ):
        with pytest.raises(error):
            await admit_call(context, answer_call(await make_customer(database, status=status), base))
    late = await make_customer(database, status="past_due", unpaid_for=timedelta(days=8))
    with pytest.raises(PaymentRequired):
        await admit_call(context, answer_call(late, base))
    graced = await make_customer(database, status="past_due", unpaid_for=timedelta(days=6))
    await admit_call(context, answer_call(graced, base))


async def test_the_rate_limit_says_when_to_come_back(context: Context) -> None:
    base = await make_knowledge_base(context.database)
    customer = await make_customer(context.database, rate_limit=3)
    verdicts = await asyncio.gather(*(attempt(context, answer_call(customer, base)) for _ in range(5)))
    limited = [verdict for verdict in verdicts if isinstance(verdict, RateLimited)]
    assert len(limited) == 2
    assert 15 <= int(limited[0].headers["Retry-After"]) <= 20


async def test_free_questions_are_spent_only_on_what_is_cited(context: Context) -> None:
    database, reader = context.database, uuid4()
    base = await make_knowledge_base(database, free_questions=2)
    other = await make_knowledge_base(database, free_questions=1)
    admission = await admit_call(context, question(reader, base, other))
    assert admission.remaining_free == 1
    assert {d.why for d in admission.decisions.values()} == {"free_question"}
    settlement = await settle_call(context, admission, cited(admission, base))
    assert (settlement.billed_units, settlement.amount, settlement.remaining_free) == (0, 0, 2)
    refused = await admit_call(context, question(reader, base))
    assert (await settle_call(context, refused, Outcome(0))).remaining_free == 1
    last = await admit_call(context, question(reader, base))
    assert (await settle_call(context, last, cited(last, base))).remaining_free == 0
    with pytest.raises(EntitlementRequired) as caught:
        await admit_call(context, question(reader, base))
    assert caught.value.extensions["plans"] == []
    both = await admit_call(context, question(reader, base, other))
    assert [view.tier for view in both.scope.views] == ["free", "all"]


async def test_parallel_free_questions_never_pass_their_number(context: Context) -> None:
    reader = uuid4()
    base = await make_knowledge_base(context.database, free_questions=4)
    verdicts = await asyncio.gather(*(attempt(context, question(reader, base)) for _ in range(60)))
    assert sum(isinstance(verdict, Admission) for verdict in verdicts) == 4


async def test_a_grant_opens_and_its_revoke_closes_from_the_next_question_on(context: Context) -> None:
    database, reader = context.database, uuid4()
    base = await make_knowledge_base(database)
    with pytest.raises(EntitlementRequired):
        await admit_call(context, question(reader, base))
    grant = await make_grant(database, reader, base)
    admission = await admit_call(context, question(reader, base))
    assert (admission.decisions[base].why, admission.remaining_free) == ("subscription", 0)
    await run(database, "UPDATE knowledge_base SET status = 'draft'")
    assert (await admit_call(context, question(reader, base))).decisions[base].tier == "all"
    with pytest.raises(KnowledgeBaseUnavailable):
        await admit_call(context, question(uuid4(), base))
    await run(database, "UPDATE access_grant SET revoked_at = zhihao_now() WHERE id = :g", g=grant)
    with pytest.raises(KnowledgeBaseUnavailable):
        await admit_call(context, question(reader, base))


async def test_reading_is_decided_by_owner_grant_and_visibility(database: Database) -> None:
    owner, reader = uuid4(), uuid4()
    draft = await make_knowledge_base(database, owner_id=owner, status="draft")
    sold = await make_knowledge_base(database, free_questions=3)
    private = await make_knowledge_base(database, visibility="private")
    gone = await make_knowledge_base(database, deleted_at=datetime.now(UTC))
    await make_grant(database, reader, sold, datetime.now(UTC) + timedelta(days=1))
    await make_grant(database, reader, private, datetime.now(UTC) - timedelta(hours=1))
    every = [draft, sold, private, gone]
    async with database.reading() as connection:
        nobody = await decide_for_account(connection, None, every)
        mine = await decide_for_account(connection, owner, every)
        bought = await decide_for_account(connection, reader, every)
        scope = await scope_of(connection, bought.values())
    assert {base: (d.tier, d.why) for base, d in nobody.items()} == {sold: ("free", "free_tier")}
    assert {base: d.why for base, d in mine.items()} == {draft: "owner", sold: "free_tier"}
    assert {base: d.why for base, d in bought.items()} == {sold: "subscription"}
    assert bought[sold].until is not None
    assert [view.tier for view in scope.views] == ["all"]


async def test_a_reservation_that_ran_out_is_given_back_and_cannot_be_billed(database: Database) -> None:
    context = context_of(database, gate=False)
    base = await make_knowledge_base(database)
    customer = await make_customer(database, cap=PRICE)
    admission = await admit_call(context, answer_call(customer, base))
    assert await expire_reservations(context) == 0
    await run(database, "UPDATE reservation SET expires_at = zhihao_now()")
    assert await expire_reservations(context) == 1
    with pytest.raises(ReservationExpired):
        await settle_call(context, admission, cited(admission, base))
    assert await run(database, "SELECT FROM usage_event") == []
    assert await counter(database, customer.key_id) == (0, 0)
    assert [row[0] for row in await run(database, "SELECT status FROM answer")] == ["failed"]
    await admit_call(context, answer_call(customer, base))


async def test_one_bad_question_fails_alone(database: Database) -> None:
    context = context_of(database, gate_wait_milliseconds=20)
    base = await make_knowledge_base(database)
    customer = await make_customer(database)
    calls = [answer_call(customer, base) for _ in range(8)]
    bad = uuid4()
    calls[3] = Call(
        bad, KeyPrincipal(customer.secret_hash), "answers", (base,), RunningAnswer(bad, "a\0b", (base,))
    )
    verdicts = await asyncio.gather(*(attempt(context, call) for call in calls))
    assert [isinstance(verdict, Admission) for verdict in verdicts] == [i != 3 for i in range(8)]
    assert await counter(database, customer.key_id) == (0, 7 * PRICE)
    assert context.gate is not None
    await context.gate.close()


async def test_the_same_call_twice_takes_its_price_once(database: Database) -> None:
    """As after a COMMIT whose acknowledgement was lost."""
    context = context_of(database, gate=False)
    base = await make_knowledge_base(database)
    customer = await make_customer(database, cap=5 * PRICE)
    call = answer_call(customer, base)
    assert await admit_call(context, call)
    assert await admit_call(context, call)
    assert await counter(database, customer.key_id) == (0, PRICE)
