"""Endpoints hear of what happened: signed, in order, again and again until they have heard it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from service.outgoing import dispatching
from service.outgoing.events import announce
from service.platform.alone import alone
from service.platform.database import Database
from service.usecases.erase_account import erase_account
from service.usecases.purge_expired import purge_expired
from tests.integration.desks import CREATOR, Desk, desk_open
from tests.integration.receiving import Received, Receiver, receiving
from tests.integration.serving import register

TOLD = "SELECT kind, account_id, facts FROM letter WHERE kind <> 'email_verification'"


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    async with desk_open(database) as desk:
        yield desk


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_an_event_arrives_signed_as_standard_webhooks_has_it(desk: Desk, receiver: Receiver) -> None:
    endpoint = await desk.endpoint(receiver.url)
    assert endpoint["secret"].startswith("whsec_")
    await desk.happens("tip.received", about := uuid4(), id=about, note="謝謝")
    await desk.deliver()
    (got,) = receiver.received
    assert got.method == "POST" and got.headers["content-type"] == "application/json"
    assert got.signed_with(endpoint["secret"])
    assert set(got.event) == {"type", "timestamp", "data"}
    assert got.event["data"] == {"id": str(about), "note": "謝謝"}
    (event,) = (await desk.call("GET", f"{CREATOR}/events"))["data"]
    assert event["id"] == got.headers["webhook-id"]
    (delivery,) = await desk.deliveries(endpoint)
    assert (delivery["status"], delivery["attempts"]) == ("delivered", 1)
    await desk.deliver()
    assert len(receiver.received) == 1


async def test_a_secret_is_shown_once_and_kept_sealed(desk: Desk, receiver: Receiver) -> None:
    endpoint = await desk.endpoint(receiver.url)
    shown = await desk.call("GET", f"{CREATOR}/webhook-endpoints/{endpoint['id']}")
    assert "secret" not in shown
    async with desk.context.database.reading() as connection:
        sealed = (await connection.execute(sa.text("SELECT sealed FROM webhook_secret"))).scalar_one()
    assert endpoint["secret"].encode() not in sealed


async def test_a_rotated_secret_signs_beside_the_new_one_until_its_time_is_over(
    desk: Desk, receiver: Receiver
) -> None:
    endpoint = await desk.endpoint(receiver.url)
    path = f"{CREATOR}/webhook-endpoints/{endpoint['id']}/rotate"
    second = await desk.call("POST", path, {"overlap_seconds": 3600})
    await desk.happens()
    await desk.deliver()
    assert receiver.received[0].signed_with(endpoint["secret"])
    assert receiver.received[0].signed_with(second["secret"])
    third = await desk.call("POST", path, {"overlap_seconds": 0})
    await desk.happens()
    await desk.deliver()
    assert not receiver.received[1].signed_with(second["secret"])
    assert not receiver.received[1].signed_with(endpoint["secret"])
    assert receiver.received[1].signed_with(third["secret"])


async def test_an_endpoint_hears_of_the_types_it_names_and_of_nobody_elses_events(
    desk: Desk, receiver: Receiver
) -> None:
    await desk.endpoint(receiver.url, ["tip.received"])
    other = replace(desk, creator=await register(desk.client, "other"))
    await other.happens()
    await desk.happens("sale.created")
    await desk.happens("tip.received")
    await desk.deliver()
    assert receiver.types == ["tip.received"]
    assert len((await other.call("GET", f"{CREATOR}/events"))["data"]) == 1


async def test_later_events_of_an_object_wait_for_a_failed_one_and_other_objects_go_on(
    desk: Desk, receiver: Receiver
) -> None:
    patient = desk.with_settings(outgoing_retry_seconds="60,60")
    endpoint = await desk.endpoint(receiver.url)
    subscription, other = uuid4(), uuid4()

    async def first_fails(got: Received) -> tuple[int, str]:
        return (503, "busy") if got.event["data"].get("first") else (200, "")

    receiver.answer = first_fails
    await desk.happens("subscription.created", subscription, first=True)
    await patient.deliver()
    await desk.happens("subscription.updated", subscription)
    await desk.happens("subscription.created", other)
    await patient.deliver()
    assert receiver.types == ["subscription.created", "subscription.created"]
    states = {(each["object_id"], each["type"]): each["status"] for each in await desk.deliveries(endpoint)}
    assert states[str(subscription), "subscription.updated"] == "waiting"
    assert states[str(other), "subscription.created"] == "delivered"
    receiver.answer = (200, "")
    await desk.execute("UPDATE webhook_delivery SET next_at = now()")
    await patient.deliver()
    assert receiver.types[2:] == ["subscription.created", "subscription.updated"]
    assert receiver.received[0].headers["webhook-id"] == receiver.received[2].headers["webhook-id"]


async def test_one_object_is_told_one_event_at_a_time_and_many_objects_at_once(
    desk: Desk, receiver: Receiver
) -> None:
    now: dict[str, int] = {}
    most = {"object": 0, "all": 0}

    async def slow(got: Received) -> tuple[int, str]:
        about = got.event["data"]["object"]
        now[about] = now.get(about, 0) + 1
        most["object"] = max(most["object"], now[about])
        most["all"] = max(most["all"], sum(now.values()))
        await asyncio.sleep(0.02)
        now[about] -= 1
        return 200, ""

    receiver.answer = slow
    await desk.endpoint(receiver.url)
    objects = [uuid4() for _ in range(4)]
    for number in range(5):
        for about in objects:
            await desk.happens("subscription.updated", about, object=str(about), number=number)
    await asyncio.gather(desk.deliver(), desk.deliver(), desk.deliver())
    assert most == {"object": 1, "all": 4}
    for about in objects:
        told = [got.event["data"] for got in receiver.received]
        assert [each["number"] for each in told if each["object"] == str(about)] == list(range(5))


async def test_an_endpoint_that_hangs_keeps_no_other_waiting(desk: Desk, receiver: Receiver) -> None:
    async def hangs(got: Received) -> tuple[int, str]:
        await asyncio.sleep(30)
        return 200, ""

    async with receiving(hangs) as stuck:
        hanging = await desk.endpoint(stuck.url)
        await desk.endpoint(receiver.url)
        for _ in range(3):
            await desk.happens()
        sending = asyncio.create_task(desk.with_settings(outgoing_retry_seconds="60").deliver())
        await receiver.got(3)
        assert not sending.done()
        await sending
        assert {each["status"] for each in await desk.deliveries(hanging)} == {"waiting"}
        (first, *_) = await desk.deliveries(hanging)
        path = f"{CREATOR}/webhook-endpoints/{hanging['id']}/deliveries/{first['id']}"
        log = await desk.call("GET", path)
        assert log["attempts"][0]["status"] is None
        assert log["attempts"][0]["error"] == "no answer within 0.5 seconds"


async def test_a_failed_event_is_given_up_after_the_last_wait_and_can_be_retried_by_hand(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.answer = (500, "an answer that is longer than is kept \0")
    endpoint = await desk.endpoint(receiver.url)
    await desk.happens()
    await desk.deliver()
    assert len(receiver.received) == 4
    (delivery,) = await desk.deliveries(endpoint)
    assert (delivery["status"], delivery["attempts"]) == ("failed", 4)
    path = f"{CREATOR}/webhook-endpoints/{endpoint['id']}/deliveries/{delivery['id']}"
    attempt = (await desk.call("GET", path))["attempts"][-1]
    assert (attempt["status"], attempt["response"]) == (500, "an answer that is lo")
    assert (await desk.call("GET", f"{CREATOR}/webhook-endpoints/{endpoint['id']}"))["failing_since"]
    receiver.answer = (204, "")
    retried = await desk.call("POST", f"{path}/retry", expect=202)
    assert retried["status"] == "waiting"
    await desk.deliver()
    assert (await desk.call("GET", path))["delivery"]["status"] == "delivered"
    assert not (await desk.call("GET", f"{CREATOR}/webhook-endpoints/{endpoint['id']}"))["failing_since"]


async def test_a_redirect_is_a_failure_and_is_not_followed(desk: Desk, receiver: Receiver) -> None:
    async with receiving() as elsewhere:
        receiver.answer = (302, elsewhere.url)
        endpoint = await desk.endpoint(receiver.url)
        await desk.happens()
        await desk.deliver()
        assert elsewhere.received == []
        assert (await desk.deliveries(endpoint))[0]["status"] == "failed"


async def test_an_endpoint_that_fails_for_days_is_disabled_and_its_owner_told(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.answer = (500, "")
    endpoint = await desk.endpoint(receiver.url)
    patient = desk.with_settings(outgoing_retry_seconds="60")
    await desk.happens()
    await patient.deliver()
    await desk.execute("UPDATE webhook_endpoint SET failing_since = now() - interval '6 days'")
    await desk.happens()
    await patient.deliver()
    shown = await desk.call("GET", f"{CREATOR}/webhook-endpoints/{endpoint['id']}")
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "failing")
    assert {each["status"] for each in await desk.deliveries(endpoint)} == {"held"}
    async with desk.context.database.reading() as connection:
        (letter,) = (await connection.execute(sa.text(TOLD))).all()
    assert letter.kind == "endpoint_disabled" and str(letter.account_id) == desk.creator.id
    sent = len(receiver.received)
    await desk.happens()
    await patient.deliver()
    assert len(receiver.received) == sent, "nothing is sent to it"
    receiver.answer = (200, "")
    await desk.call("PATCH", f"{CREATOR}/webhook-endpoints/{endpoint['id']}", {"enabled": True})
    await patient.deliver()
    assert len(receiver.received) == sent + 2, "what waited goes on"


async def test_410_disables_an_endpoint_at_once(desk: Desk, receiver: Receiver) -> None:
    receiver.answer = (410, "")
    endpoint = await desk.endpoint(receiver.url)
    await desk.happens()
    await desk.deliver()
    shown = await desk.call("GET", f"{CREATOR}/webhook-endpoints/{endpoint['id']}")
    assert (shown["enabled"], shown["disabled_reason"]) == (False, "gone")
    assert len(receiver.received) == 1


async def test_a_reader_of_the_list_misses_no_event_however_late_it_commits(desk: Desk) -> None:
    """Transactions overlap in every way; a reader goes on from the last cursor it saw, all the while."""
    database, account_id = desk.context.database, UUID(desk.creator.id)
    begun, seen = 60, list[int]()
    cursor = None

    async def write(number: int) -> None:
        async with database.transaction() as session:
            await announce(
                session, "tip.received", account_id=account_id, object_id=uuid4(), data={"number": number}
            )
            # The earlier it was written, the later it commits.
            await asyncio.sleep((begun - number) % 7 * 0.01)

    async def place() -> None:
        async with database.transaction() as session:
            await dispatching.place(session, most=5)

    async def read(cursor: str | None) -> str | None:
        path = f"{CREATOR}/events?limit=7" + (f"&cursor={cursor}" if cursor else "")
        data = (await desk.call("GET", path))["data"]
        seen.extend(event["data"]["number"] for event in data)
        return data[-1]["cursor"] if data else cursor

    slots = asyncio.Semaphore(10)

    async def limited(number: int) -> None:
        async with slots:
            await write(number)

    writing = asyncio.gather(*(limited(number) for number in range(begun)))
    while not writing.done():
        await asyncio.gather(place(), place())
        cursor = await read(cursor)
    await writing
    for _ in range(begun):
        await place()
        cursor = await read(cursor)
    assert sorted(seen) == list(range(begun))
    assert seen != sorted(seen), "the order of writing is not that of commits"


async def test_events_can_be_replayed_from_a_cursor_or_a_moment(desk: Desk, receiver: Receiver) -> None:
    for number in range(4):
        await desk.happens("tip.received", number=number)
    await desk.happens("sale.created")
    await desk.deliver()
    endpoint = await desk.endpoint(receiver.url, ["tip.received"])
    events = (await desk.call("GET", f"{CREATOR}/events"))["data"]
    path = f"{CREATOR}/webhook-endpoints/{endpoint['id']}/replay"
    replayed = await desk.call("POST", path, {"after": events[1]["cursor"]}, 202)
    assert replayed == {"count": 2, "next_after": None}
    again = await desk.call("POST", path, {"after": events[1]["cursor"]}, 202)
    assert again["count"] == 0, "what still waits is not queued twice"
    await desk.deliver()
    # Four tips are four objects, which do not wait for one another.
    told = {got.headers["webhook-id"]: got.event["data"]["number"] for got in receiver.received}
    assert (told, len(receiver.received)) == ({events[2]["id"]: 2, events[3]["id"]: 3}, 2)
    all_of_them = await desk.call("POST", path, {"after": "2020-01-01T00:00:00Z"}, 202)
    assert all_of_them["count"] == 4
    problem = await desk.call("POST", path, {"after": "rubbish"}, 400)
    assert problem["code"] == "invalid_cursor"


async def test_an_endpoint_can_be_tried(desk: Desk, receiver: Receiver) -> None:
    endpoint = await desk.endpoint(receiver.url, ["sale.created"])
    delivery = await desk.call("POST", f"{CREATOR}/webhook-endpoints/{endpoint['id']}/test", expect=202)
    assert (delivery["type"], delivery["cause"], delivery["status"]) == ("webhook.test", "test", "waiting")
    await desk.deliver()
    assert receiver.types == ["webhook.test"]
    assert receiver.received[0].signed_with(endpoint["secret"])
    assert (await desk.call("GET", f"{CREATOR}/events"))["data"] == []
    await desk.call("PATCH", f"{CREATOR}/webhook-endpoints/{endpoint['id']}", {"enabled": False})
    refused = await desk.call("POST", f"{CREATOR}/webhook-endpoints/{endpoint['id']}/test", expect=409)
    assert refused["code"] == "endpoint_disabled"


async def test_what_a_dead_worker_had_claimed_is_sent_again(desk: Desk, receiver: Receiver) -> None:
    endpoint = await desk.endpoint(receiver.url)
    released = asyncio.Event()

    async def hangs(got: Received) -> tuple[int, str]:
        await released.wait()
        return 200, ""

    receiver.answer = hangs
    await desk.happens()
    dying = asyncio.create_task(desk.with_settings(outgoing_timeout_seconds=30).deliver())
    await receiver.got(1)
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    released.set()
    receiver.answer = (200, "")
    async with alone(desk.context.database, "deliver_webhooks") as mine:
        assert mine, "the dead one's place is free"
    (delivery,) = await desk.deliveries(endpoint)
    assert delivery["status"] == "waiting"
    await desk.execute("UPDATE webhook_delivery SET next_at = now()")  # the claim runs out
    await desk.deliver()
    assert (await desk.deliveries(endpoint))[0]["status"] == "delivered"
    assert len({got.headers["webhook-id"] for got in receiver.received}) == 1


async def test_what_falls_due_while_another_sends_is_not_left_behind(desk: Desk, receiver: Receiver) -> None:
    await desk.endpoint(receiver.url)
    await asyncio.gather(*(desk.happens() for _ in range(30)), *(desk.deliver() for _ in range(5)))
    await desk.deliver()
    assert len(receiver.received) == 30


async def test_an_organizations_people_keep_its_endpoints(desk: Desk, receiver: Receiver) -> None:
    made = await desk.call("POST", "/enterprise/v1/organizations", {"name": "Org"}, 201)
    at = f"/enterprise/v1/organizations/{made['id']}"
    endpoint = await desk.endpoint(receiver.url, at=at)
    async with desk.context.database.transaction() as session:
        await announce(
            session, "usage.alert", organization_id=UUID(made["id"]), object_id=uuid4(), data={"percent": 80}
        )
    await desk.deliver()
    assert receiver.types == ["usage.alert"]
    stranger = replace(desk, creator=await register(desk.client, "stranger"))
    path = f"{at}/webhook-endpoints/{endpoint['id']}"
    for method, where, body in (
        ("GET", f"{at}/webhook-endpoints", None),
        ("GET", path, None),
        ("PATCH", path, {"enabled": False}),
        ("DELETE", path, None),
        ("POST", f"{path}/test", None),
        ("POST", f"{path}/rotate", None),
        ("POST", f"{path}/replay", {"after": "2020-01-01T00:00:00Z"}),
        ("GET", f"{path}/deliveries", None),
        ("GET", f"{at}/events", None),
    ):
        assert (await stranger.call(method, where, body, 404))["code"] == "not_found"
    await desk.execute(
        "INSERT INTO membership VALUES (:organization, :account, 'billing', now())",
        organization=made["id"],
        account=stranger.creator.id,
    )
    assert (await stranger.call("GET", path, None, 403))["code"] == "role_missing"
    await desk.call("GET", f"{CREATOR}/webhook-endpoints/{endpoint['id']}", None, 404)
    await desk.call("DELETE", path, None, 204)
    assert (await desk.call("GET", f"{at}/webhook-endpoints"))["data"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "ftp://example.com/x"}, "/url"),
        ({"url": "http://user@example.com/"}, "/url"),
        ({"url": "http://169.254.169.254/latest"}, "/url"),
        ({"url": "http://10.0.0.1/"}, "/url"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, "/url"),
        ({"url": "https://example.com/", "types": ["usage.alert"]}, "/types/0"),
        ({"url": "https://example.com/", "types": []}, "/types"),
    ],
)
async def test_an_endpoint_that_cannot_be_is_refused(desk: Desk, body: Any, pointer: str) -> None:
    problem = await desk.call("POST", f"{CREATOR}/webhook-endpoints", body, 400)
    assert problem["errors"][0]["pointer"] == pointer


async def test_a_repeated_creation_is_one_endpoint_with_one_secret(desk: Desk, receiver: Receiver) -> None:
    key = {"idempotency-key": "again"}
    body = {"url": receiver.url}
    first = await desk.call("POST", f"{CREATOR}/webhook-endpoints", body, 201, **key)
    assert await desk.call("POST", f"{CREATOR}/webhook-endpoints", body, 201, **key) == first
    assert len((await desk.call("GET", f"{CREATOR}/webhook-endpoints"))["data"]) == 1


async def test_there_is_a_limit_of_endpoints(desk: Desk, receiver: Receiver) -> None:
    for _ in range(desk.context.settings.outgoing_max_endpoints):
        await desk.endpoint(receiver.url)
    problem = await desk.call("POST", f"{CREATOR}/webhook-endpoints", {"url": receiver.url}, 409)
    assert problem["code"] == "limit_reached"


async def test_an_event_announced_in_a_transaction_that_fails_never_was(
    desk: Desk, receiver: Receiver
) -> None:
    await desk.endpoint(receiver.url)

    async def fails() -> None:
        async with desk.context.database.transaction() as session:
            await announce(
                session, "tip.received", account_id=UUID(desk.creator.id), object_id=uuid4(), data={}
            )
            raise RuntimeError("the change failed")

    with pytest.raises(RuntimeError):
        await fails()
    await desk.deliver()
    assert receiver.received == []
    async with desk.context.database.transaction() as session:
        with pytest.raises(ValueError, match=r"no\.such is not in"):
            await announce(session, "no.such", account_id=uuid4(), object_id=uuid4(), data={})


async def test_old_deliveries_and_events_are_forgotten_and_what_waits_is_not(
    desk: Desk, receiver: Receiver
) -> None:
    endpoint = await desk.endpoint(receiver.url)
    await desk.happens()
    await desk.deliver()
    receiver.answer = (500, "")
    await desk.happens()
    await desk.with_settings(outgoing_retry_seconds="60").deliver()
    await desk.execute("UPDATE webhook_delivery SET finished_at = finished_at - interval '31 days'")
    await desk.execute("UPDATE outgoing_event SET at = at - interval '31 days'")
    await purge_expired(desk.context)
    assert [each["status"] for each in await desk.deliveries(endpoint)] == ["waiting"]
    assert len((await desk.call("GET", f"{CREATOR}/events"))["data"]) == 1


async def test_an_erased_account_leaves_no_endpoint_and_no_event(desk: Desk, receiver: Receiver) -> None:
    await desk.endpoint(receiver.url)
    await desk.happens()
    await desk.deliver()
    await erase_account(desk.context, account_id=UUID(desk.creator.id))
    async with desk.context.database.reading() as connection:
        for table in ("webhook_endpoint", "webhook_secret", "webhook_delivery", "outgoing_event"):
            assert (await connection.execute(sa.text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


def test_the_body_is_the_same_bytes_at_every_try() -> None:
    from datetime import UTC, datetime

    from service.outgoing.signing import message, sign

    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    first = message(id=UUID(int=1), type="tip.received", at=at, data={"b": 1, "a": {"amount": 990}})
    again = message(id=UUID(int=1), type="tip.received", at=at, data={"a": {"amount": 990}, "b": 1})
    assert first == again
    assert json.loads(first.body)["timestamp"] == "2026-01-02T03:04:05.678901Z"
    # The example of the specification's own libraries.
    body = b'{"test": 2432232314}'
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_the_open_api_document_says_what_endpoints_get(desk: Desk) -> None:
    document = (await desk.client.get("/schema/openapi.json")).json()
    types = await desk.call("GET", f"{CREATOR}/webhook-event-types")
    for each in types["data"]:
        request = document["webhooks"][each["type"]]["post"]
        schema = request["requestBody"]["content"]["application/json"]["schema"]
        assert schema["properties"]["type"]["const"] == each["type"]
        assert {header["name"] for header in request["parameters"]} >= {"webhook-id", "webhook-signature"}
