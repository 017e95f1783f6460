"""Usage on its way to Stripe: absolute totals, sent until they arrive, never counted twice."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import pytest

from billing.metering import contracts, usage
from billing.metering.reporting import Report
from billing.processor.port import ProcessorRefused, ProcessorUnavailable, SubscriptionSnapshot
from service.platform.database import Database
from service.usecases.admit_calls import Call, KeyPrincipal, admit_call
from service.usecases.context import Context
from service.usecases.report_usage import report_usage
from service.usecases.settle_calls import Outcome, settle_call
from tests.integration.metering import Customer, context_of, make_customer, make_knowledge_base, run


class Meters:
    """Keeps what Stripe would: each identifier once, and of an hour the newest timestamp."""

    def __init__(self) -> None:
        self.hours: dict[tuple[str, str, datetime], tuple[datetime, int]] = {}
        self.identifiers: list[str] = []
        self.trouble: list[Exception | None] = []
        self.lose_acknowledgement = False

    async def send_meter_event(
        self, *, meter: str, customer_id: str, value: int, timestamp: datetime, identifier: str
    ) -> None:
        trouble = self.trouble.pop(0) if self.trouble else None
        if trouble is not None and not self.lose_acknowledgement:
            raise trouble
        if identifier not in self.identifiers:
            self.identifiers.append(identifier)
            place = (customer_id, meter, timestamp.replace(minute=0, second=0, microsecond=0))
            newest = self.hours.get(place)
            assert newest is None or newest[0] < timestamp
            self.hours[place] = (timestamp, value)
        if trouble is not None:
            raise trouble

    def total(self, meter: str) -> int:
        return sum(value for (_, name, _), (_, value) in self.hours.items() if name == meter)


@pytest.fixture
def meters() -> Meters:
    return Meters()


@pytest.fixture
def context(database: Database, meters: Meters) -> Context:
    return dataclasses.replace(context_of(database, gate=False), payments=cast(Any, meters))


async def call(context: Context, customer: Customer, bases: Sequence[Any], meter: Any = "passages") -> None:
    principal = KeyPrincipal(customer.secret_hash)
    admission = await admit_call(context, Call(uuid4(), principal, meter, tuple(bases)))
    await settle_call(context, admission, Outcome(1, tuple(bases)))


async def test_every_hour_arrives_as_its_newest_total(context: Context, meters: Meters) -> None:
    base = await make_knowledge_base(context.database, api_price_amount=3, api_price_currency="cny")
    customer = await make_customer(context.database)
    assert await report_usage(context) == 0
    await call(context, customer, [base])
    await call(context, customer, [base], "answers")
    assert await report_usage(context) == 3
    assert await report_usage(context) == 0
    await call(context, customer, [base])
    assert await report_usage(context) == 2
    assert [meters.total(name) for name in ("passages", "answers", "creator_prices")] == [2, 1, 9]
    organization, meter, hour, revision = meters.identifiers[0].split(":")
    assert organization == str(customer.organization_id)
    assert meter in {"passages", "answers", "creator_prices"}
    assert (len(hour), revision) == (11, "1")


@pytest.mark.parametrize("lost", [False, True])
async def test_an_unknown_outcome_is_sent_again_the_same(
    context: Context, meters: Meters, lost: bool
) -> None:
    base = await make_knowledge_base(context.database)
    customer = await make_customer(context.database)
    await call(context, customer, [base])
    meters.trouble, meters.lose_acknowledgement = [ProcessorUnavailable("timeout")], lost
    assert await report_usage(context) == 0
    await call(context, customer, [base])
    assert await report_usage(context) == 1
    assert meters.total("passages") == 1
    assert await report_usage(context) == 1
    assert meters.total("passages") == 2
    assert [identifier.rsplit(":", 1)[1] for identifier in meters.identifiers] == ["1", "2"]


async def test_what_stripe_will_never_take_is_kept_as_a_dead_letter(context: Context, meters: Meters) -> None:
    base = await make_knowledge_base(context.database)
    await call(context, await make_customer(context.database), [base])
    meters.trouble = [ProcessorRefused("timestamp is too far in the past")]
    assert await report_usage(context) == 0
    assert await report_usage(context) == 0
    rows = await run(context.database, "SELECT rejected, total::int FROM usage_bucket")
    assert [tuple(row) for row in rows] == [("timestamp is too far in the past", 1)]


async def test_every_grouping_has_the_same_total(context: Context) -> None:
    database = context.database
    bases = [
        await make_knowledge_base(database, api_price_amount=price, api_price_currency="cny")
        for price in (0, 1, 5)
    ]
    customer = await make_customer(database)
    for count in (1, 2, 3):
        await call(context, customer, bases[:count])
    now = datetime.now(UTC)
    totals = set()
    async with database.reading() as connection:
        for grouping in ("day", "key", "knowledge_base", "month"):
            lines = await usage.read(
                connection,
                customer.organization_id,
                since=now - timedelta(days=1),
                until=now + timedelta(days=1),
                group_by=cast(Any, grouping),
            )
            totals.add((sum(line.units for line in lines), sum(line.amount for line in lines)))
    assert totals == {(3, 3 * 2 + 0 + 1 + 6)}


def subscription(id: str, status: str) -> SubscriptionSnapshot:
    return SubscriptionSnapshot(
        id=id,
        customer_id="cus_1",
        status=status,
        price_ids=(),
        item_ids=(),
        started_at=datetime.now(UTC),
        current_period_start=None,
        current_period_end=None,
        cancel_at_period_end=False,
        canceled_at=None,
        ended_at=None,
        trial_end=None,
        latest_invoice_id=None,
    )


async def test_a_contract_follows_its_subscription_in_any_order(database: Database) -> None:
    organization = uuid4()

    async def projected(id: str, status: str) -> contracts.ContractFact:
        async with database.transaction() as session:
            await contracts.project(
                session, organization_id=organization, subscription=subscription(id, status)
            )
            fact = await contracts.find(session, organization)
        assert fact is not None
        return fact

    assert (await projected("sub_1", "active")).status == "active"
    late = await projected("sub_1", "past_due")
    assert late.unpaid_since is not None
    assert (await projected("sub_1", "past_due")).unpaid_since == late.unpaid_since
    assert (await projected("sub_1", "active")).unpaid_since is None
    assert (await projected("sub_1", "canceled")).status == "canceled"
    assert (await projected("sub_1", "active")).status == "canceled"
    async with database.transaction() as session:
        await contracts.begin(session, organization_id=organization, intent_id=uuid4())
    assert (await projected("sub_2", "active")).stripe_subscription_id == "sub_2"
    assert (await projected("sub_1", "canceled")).status == "active"
    with pytest.raises(contracts.ContractExists):
        async with database.transaction() as session:
            await contracts.begin(session, organization_id=organization, intent_id=uuid4())


def test_in_the_contracts_first_hour_usage_is_dated_after_its_start() -> None:
    hour = datetime(2026, 11, 21, 2, tzinfo=UTC)

    def second(started_at: datetime, revision: int) -> datetime:
        return Report(uuid4(), "answers", hour, revision, 1, "cus_1", started_at).timestamp

    started = hour + timedelta(minutes=55, seconds=15, milliseconds=200)
    assert second(started, 1) == hour + timedelta(minutes=55, seconds=17)
    assert second(started, 2) == hour + timedelta(minutes=55, seconds=18)
    assert second(hour - timedelta(days=3), 1) == hour + timedelta(seconds=1)
    assert second(hour + timedelta(minutes=59, seconds=59), 9) == hour + timedelta(minutes=59, seconds=59)
