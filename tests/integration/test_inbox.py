"""Webhooks: stored once, acknowledged, worked in the end; what fails waits, what never works is put aside."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
import stripe
from pydantic import SecretStr

from billing.processor import inbox
from billing.processor.inbox import LaneLost
from billing.processor.port import PaymentProcessor, ProcessorRefused, ProcessorUnavailable
from service.platform.database import Database
from service.usecases.settle_stripe_event import settle_stripe_events
from service.webhooks.stripe import router
from tests.integration.serving import SETTINGS, bare_context, serving

SECRET = "whsec_inbox"
REFUSED = ProcessorRefused("no")
DOWN = ProcessorUnavailable("down")


class Failing:
    """A processor that cannot be reached, or says no."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def retrieve_subscription(self, subscription_id: str) -> None:
        raise self.error


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(context(database), (router,)) as opened:
        yield opened


def context(database: Database, error: Exception = REFUSED) -> Any:
    settings = SETTINGS.model_copy(
        update={"stripe_webhook_secrets": SecretStr(SECRET), "webhook_max_attempts": 2}
    )
    return bare_context(database, settings, payments=cast(PaymentProcessor, Failing(error)))


def event(id: str, type: str = "customer.subscription.updated", customer: str = "cus_1") -> str:
    subject = {"id": "sub_1", "object": "subscription", "customer": customer}
    return json.dumps(
        {"id": id, "object": "event", "type": type, "created": 1_790_000_000, "data": {"object": subject}}
    )


async def send(client: httpx.AsyncClient, body: str) -> int:
    signature = stripe.WebhookSignature.generate_signature_header(body, SECRET)
    answer = await client.post("/webhooks/stripe", content=body, headers={"stripe-signature": signature})
    return answer.status_code


async def rows(database: Database, query: str) -> Sequence[Any]:
    async with database.reading() as connection:
        return (await connection.execute(sa.text(query))).all()


async def test_an_event_is_stored_once_and_asks_for_one_job(
    database: Database, client: httpx.AsyncClient
) -> None:
    sent = await asyncio.gather(*(send(client, event(f"evt_{i % 2}")) for i in range(6)))
    assert sent == [200] * 6
    assert len(await rows(database, "SELECT 1 FROM stripe_event")) == 2
    jobs = await rows(database, "SELECT args FROM procrastinate_jobs")
    assert [job.args for job in jobs] == [{"lane": "cus_1"}]


async def test_unknown_types_are_stored_too_and_need_no_work(
    database: Database, client: httpx.AsyncClient
) -> None:
    assert await send(client, event("evt_1", "weather.changed")) == 200
    await settle_stripe_events(context(database), lane="cus_1")
    [row] = await rows(database, "SELECT status, outcome FROM stripe_event")
    assert tuple(row) == ("worked", "nothing to do")


async def test_a_bad_signature_leaves_nothing_behind(database: Database, client: httpx.AsyncClient) -> None:
    for path in ("/webhooks/stripe", "/webhooks/stripe/thin"):
        for headers, body in (
            ({}, event("evt_1").encode()),
            ({"stripe-signature": "t=1,v1=00"}, event("evt_1").encode()),
            ({"stripe-signature": b"t=1,v1=\xff\xfe"}, b"\xff\xfe"),
            ({"stripe-signature": "t=1,v1=00", "content-type": "text/plain"}, b""),
            ({"stripe-signature": "t=1,v1=00", "content-type": "multipart/form-data"}, b"--x"),
        ):
            answer = await client.post(path, content=body, headers=cast("dict[str, str]", headers))
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_event")
    assert await rows(database, "SELECT 1 FROM stripe_event") == []


async def test_an_event_that_fails_waits_longer_and_is_put_aside_in_the_end(
    database: Database, client: httpx.AsyncClient
) -> None:
    await send(client, event("evt_1"))
    await settle_stripe_events(context(database), lane="cus_1")
    [row] = await rows(database, "SELECT status, attempts, due_at > now() AS later FROM stripe_event")
    assert tuple(row) == ("stored", 1, True)
    later = await rows(database, "SELECT 1 FROM procrastinate_jobs WHERE scheduled_at > now()")
    assert len(later) == 1
    async with database.transaction() as session:
        await session.execute(sa.text("UPDATE stripe_event SET due_at = now()"))
    await settle_stripe_events(context(database), lane="cus_1")
    [row] = await rows(database, "SELECT status, attempts, outcome FROM stripe_event")
    assert tuple(row) == ("dead", 2, "ProcessorRefused: no")


async def test_a_processor_that_is_down_for_hours_loses_no_event(
    database: Database, client: httpx.AsyncClient
) -> None:
    await send(client, event("evt_1"))
    for attempt in range(1, 15):
        await settle_stripe_events(context(database, DOWN), lane="cus_1")
        [row] = await rows(
            database,
            "SELECT status, attempts, due_at < clock_timestamp() + interval '301 s' FROM stripe_event",
        )
        assert tuple(row) == ("stored", attempt, True)
        async with database.transaction() as session:
            await session.execute(sa.text("UPDATE stripe_event SET due_at = now()"))


async def test_a_lane_has_one_holder_and_a_dead_one_loses_it(database: Database) -> None:
    lane = str(uuid4())
    async with database.transaction() as session:
        first = await inbox.take(session, lane, seconds=30)
        assert first is not None
    async with database.transaction() as session:
        assert await inbox.take(session, lane, seconds=30) is None
    async with database.transaction() as session:
        await session.execute(sa.text("UPDATE processor_lane SET held_until = now()"))
    async with database.transaction() as session:
        second = await inbox.take(session, lane, seconds=30)
        assert second is not None
        assert second.fence == first.fence + 1
    with pytest.raises(LaneLost):
        await guarded(database, first)
    async with database.transaction() as session:
        assert await inbox.release(session, second)


async def guarded(database: Database, lane: inbox.Lane) -> None:
    async with database.transaction() as session:
        await inbox.guard(session, lane)
