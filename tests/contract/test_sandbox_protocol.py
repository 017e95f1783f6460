"""How Stripe is spoken: keys, versions, idempotency, lists, expansion, errors, deliveries, faults."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import stripe

from tests.contract.sandbox_process import Sandbox


@pytest.fixture
def faults(sandbox: Sandbox) -> Iterator[Any]:
    """Sets faults by name; takes them away afterwards."""
    yield lambda **named: sandbox.control("faults", named)
    sandbox.control("faults", method="DELETE")


async def raw(sandbox: Sandbox, path: str, *, key: str = "sk_test_x", **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} | more.pop("headers", {})
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers) as http:
        return await http.request(more.pop("method", "POST"), path, **more)


@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x", "nonsense"])
async def test_only_test_keys_are_taken(sandbox: Sandbox, key: str) -> None:
    answer = await raw(sandbox, "/v1/customers", key=key)
    assert answer.status_code == 401
    assert answer.headers["request-id"].startswith("req_")


async def test_the_same_key_gets_the_first_answer_again(client: stripe.StripeClient) -> None:
    options: Any = {"idempotency_key": str(uuid4())}
    first = await client.v1.customers.create_async({"name": "a"}, options)
    again = await client.v1.customers.create_async({"name": "a"}, options)
    assert again.id == first.id
    assert first.last_response is not None
    assert again.last_response is not None
    assert "idempotent-replayed" not in first.last_response.headers
    assert again.last_response.headers["idempotent-replayed"] == "true"
    with pytest.raises(stripe.IdempotencyError):
        await client.v1.customers.create_async({"name": "b"}, options)


async def test_the_same_key_at_once_does_the_work_once(client: stripe.StripeClient) -> None:
    options: Any = {"idempotency_key": str(uuid4())}
    made = await asyncio.gather(*(client.v1.customers.create_async({"name": "a"}, options) for _ in range(5)))
    assert len({one.id for one in made}) == 1


async def test_a_500_is_replayed_until_the_key_is_changed(client: stripe.StripeClient, faults: Any) -> None:
    options: Any = {"idempotency_key": str(uuid4())}
    faults(server_errors=1)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await client.v1.customers.create_async({"name": "a"}, options)
    fresh: Any = {"idempotency_key": str(uuid4())}
    assert (await client.v1.customers.create_async({"name": "a"}, fresh)).id


async def test_work_done_before_a_timeout_is_found_by_its_key(sandbox: Sandbox, faults: Any) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    faults(timeouts=1, delay_seconds=1.0)
    with pytest.raises(httpx.ReadTimeout):
        await raw(sandbox, "/v1/customers", data={"name": "a"}, headers=headers, timeout=0.5)
    again = await raw(sandbox, "/v1/customers", data={"name": "a"}, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"


async def test_outages_and_limits_are_errors_the_sdk_knows(client: stripe.StripeClient, faults: Any) -> None:
    faults(rate_limited=1)
    with pytest.raises(stripe.RateLimitError):
        await client.v1.balance.retrieve_async()
    faults(outage=True)
    with pytest.raises(stripe.APIError) as out:
        await client.v1.balance.retrieve_async()
    assert out.value.http_status == 503


async def test_conflicts_are_retried_by_the_sdk_itself(sandbox: Sandbox, faults: Any) -> None:
    faults(conflicts=1)
    async with sandbox.client(retries=2) as client:
        assert (await client.v1.balance.retrieve_async()).object == "balance"


@pytest.mark.parametrize(
    ("data", "param", "code"),
    [
        ({"emial": "x"}, "emial", "parameter_unknown"),
        ({"balance": "much"}, "balance", None),
        ({"tax_exempt": "sometimes"}, "tax_exempt", None),
        ({"address[town]": "x"}, "address[town]", "parameter_unknown"),
        ({"a[b": "x"}, "a[b", None),
    ],
)
async def test_bad_parameters_are_named(sandbox: Sandbox, data: Any, param: str, code: str | None) -> None:
    answer = await raw(sandbox, "/v1/customers", data=data)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["param"], error.get("code")) == (param, code)


async def test_another_version_of_the_api_is_refused(sandbox: Sandbox) -> None:
    answer = await raw(sandbox, "/v1/customers", headers={"Stripe-Version": "2024-06-20"})
    assert answer.status_code == 400


async def test_lists_are_walked_both_ways(client: stripe.StripeClient) -> None:
    email = f"{uuid4()}@example.com"
    made = [(await client.v1.customers.create_async({"email": email})).id for _ in range(5)]
    made.reverse()
    first = await client.v1.customers.list_async({"email": email, "limit": 2})
    assert ([one.id for one in first.data], first.has_more) == (made[:2], True)
    rest = await client.v1.customers.list_async({"email": email, "starting_after": made[1]})
    assert ([one.id for one in rest.data], rest.has_more) == (made[2:], False)
    back = await client.v1.customers.list_async({"email": email, "ending_before": made[3], "limit": 2})
    assert ([one.id for one in back.data], back.has_more) == (made[1:3], True)
    walked = [one.id async for one in first.auto_paging_iter()]
    assert walked == made


async def test_expanding_what_cannot_be_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        await client.v1.customers.create_async({"expand": ["birthday"]})


async def test_events_are_listed_as_they_were_sent(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    key: Any = {"idempotency_key": str(uuid4())}
    customer = await client.v1.customers.create_async({"metadata": {"a": "1", "b": "2"}}, key)
    await client.v1.customers.update_async(customer.id, {"metadata": {"a": "", "c": "3"}})
    event = sandbox.listener.wait_for("customer.updated", id=customer.id)
    assert event["data"]["previous_attributes"] == {"metadata": {"a": "1", "b": "2"}}
    assert event["data"]["object"]["metadata"] == {"b": "2", "c": "3"}
    listed = await client.v1.events.list_async({"types": ["customer.updated"], "limit": 1})
    assert listed.data[0].id == event["id"]
    made = sandbox.listener.wait_for("customer.created", id=customer.id)
    assert made["request"]["idempotency_key"] == key["idempotency_key"]
    assert (await client.v1.events.retrieve_async(made["id"])).type == "customer.created"


async def test_a_delivery_is_tried_until_it_is_taken(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    sandbox.listener.answers[:] = [500, 302]
    customer = await client.v1.customers.create_async({})
    start = time.monotonic()
    sandbox.listener.wait_for("customer.created", id=customer.id, seconds=10)
    assert time.monotonic() - start > 0.9


async def test_a_delivery_comes_within_a_second(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    customer = await client.v1.customers.create_async({})
    sandbox.listener.wait_for("customer.created", id=customer.id, seconds=1)


async def test_deliveries_can_be_doubled_held_and_lost(
    client: stripe.StripeClient, sandbox: Sandbox, faults: Any
) -> None:
    faults(held=True)
    customer = await client.v1.customers.create_async({})
    await asyncio.sleep(0.3)
    faults(held=False, doubled=True, shuffled=True)
    event = sandbox.listener.wait_for("customer.created", id=customer.id)
    await asyncio.sleep(0.3)
    assert [one["id"] for one in sandbox.listener.events].count(event["id"]) == 2
    faults(lost=True)
    lost = await client.v1.customers.create_async({})
    await asyncio.sleep(0.5)
    faults(lost=False)
    with pytest.raises(AssertionError):
        sandbox.listener.wait_for("customer.created", id=lost.id, seconds=0.5)
    listed = await client.v1.events.list_async({"type": "customer.created", "limit": 1})
    assert listed.data[0].data.object["id"] == lost.id


async def test_an_endpoint_made_by_the_api_gets_events_signed_by_its_own_secret(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    endpoint = await client.v1.webhook_endpoints.create_async(
        {"url": f"http://127.0.0.1:{sandbox.listener.port}/own", "enabled_events": ["product.created"]}
    )
    assert endpoint.secret is not None
    sandbox.listener.secrets["/own"] = endpoint.secret
    product = await client.v1.products.create_async({"name": "x"})
    for _ in range(50):  # to the endpoint of the command line and to this one
        await asyncio.sleep(0.1)
        arrived = [event["id"] for event in sandbox.listener.events if _about(event, product.id)]
        if len(arrived) == 2:
            break
    assert len(arrived) == 2
    assert len(set(arrived)) == 1
    read = await client.v1.webhook_endpoints.retrieve_async(endpoint.id)
    assert "secret" not in read.to_dict()
    await client.v1.webhook_endpoints.delete_async(endpoint.id)


def _about(event: dict[str, Any], object_id: str) -> bool:
    return bool(event["object"] == "event" and event["data"]["object"].get("id") == object_id)
