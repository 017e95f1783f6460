"""Faults by chance: the same seed meets the same requests with the same faults."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import stripe

from tests.contract.sandbox_process import Sandbox

CHANCES = {
    "timeout_before": 0.15,
    "timeout_after": 0.15,
    "conflict": 0.1,
    "rate_limited": 0.1,
    "server_error": 0.15,
}


@pytest.fixture
def faults(sandbox: Sandbox) -> Iterator[Any]:
    """Sets faults by name; takes them away afterwards."""
    yield lambda **named: sandbox.control("faults", named)
    sandbox.control("faults", method="DELETE")


async def outcome(client: stripe.StripeClient, key: str, name: str = "a") -> str:
    """What came of one request: the new customer's id, or the error's kind."""
    try:
        options: Any = {"idempotency_key": key}
        return (await client.v1.customers.create_async({"name": name}, options)).id
    except stripe.StripeError as error:
        return f"{type(error).__name__} {error.http_status or 'cut'}"


async def test_the_same_seed_meets_the_same_faults(client: stripe.StripeClient, faults: Any) -> None:
    seen = []
    for seed in (1, 1, 2):
        faults(seed=seed, chances=CHANCES, delay_seconds=0)
        outcomes = [await outcome(client, str(uuid4())) for _ in range(40)]
        seen.append(["ok" if one.startswith("cus_") else one for one in outcomes])
    assert seen[0] == seen[1] != seen[2]
    assert {"ok", "APIConnectionError cut", "RateLimitError 429", "APIError 500"} <= set(seen[0])


async def test_whatever_was_met_is_settled_by_asking_again(
    client: stripe.StripeClient, faults: Any, sandbox: Sandbox
) -> None:
    faults(seed=7, chances=CHANCES, delay_seconds=0)
    mark = str(uuid4())
    wanted = {str(uuid4()): "" for _ in range(30)}
    for key in wanted:
        attempt = 0
        while not wanted[key].startswith("cus_"):
            # A stored 500 is replayed for its key: only another key is asked anew.
            wanted[key] = await outcome(client, f"{key}:{attempt}", name=mark)
            attempt += wanted[key] == "APIError 500"
    sandbox.control("faults", method="DELETE")
    made = [one async for one in (await client.v1.customers.list_async({"limit": 100})).auto_paging_iter()]
    assert {one.id for one in made if one.name == mark} == set(wanted.values())


async def test_a_timeout_before_the_work_does_nothing_and_one_after_it_all(
    client: stripe.StripeClient, faults: Any
) -> None:
    for name, replayed in (("timeout_before", False), ("timeout_after", True)):
        faults(seed=1, chances={name: 1}, delay_seconds=0)
        key = str(uuid4())
        assert await outcome(client, key) == "APIConnectionError cut"
        faults(chances={})
        made = await client.v1.customers.create_async({"name": "a"}, {"idempotency_key": key})
        assert made.last_response is not None
        assert ("idempotent-replayed" in made.last_response.headers) is replayed


async def test_deliveries_are_lost_late_doubled_and_shuffled_by_chance(
    client: stripe.StripeClient, sandbox: Sandbox, faults: Any
) -> None:
    faults(seed=3, chances={"lost": 0.2, "late": 0.2, "doubled": 0.3, "shuffled": 0.5}, late_seconds=0.2)
    made = [(await client.v1.customers.create_async({})).id for _ in range(30)]
    last = made[-1]
    faults(chances={})
    await client.v1.customers.update_async(last, {"name": "z"})
    sandbox.listener.wait_for("customer.updated", id=last)
    for _ in range(40):
        states = sandbox.control("deliveries", method="GET")["data"]
        if all(one["delivered"] for one in states):
            break
    events = [
        event["data"]["object"]["id"]
        for event in list(sandbox.listener.events)
        if event["type"] == "customer.created"
    ]
    counts = [events.count(id) for id in made]
    assert {0, 1, 2} <= set(counts)


@pytest.mark.parametrize(
    "wrong",
    [
        {"chances": {"meteor": 0.1}},
        {"chances": {"lost": 2}},
        {"chances": {"conflict": 0.6, "server_error": 0.6}},
        {"chances": 1},
        {"nothing": 1},
    ],
)
def test_faults_that_cannot_be_are_refused(sandbox: Sandbox, wrong: Any) -> None:
    with pytest.raises(Exception, match="400"):
        sandbox.control("faults", wrong)
