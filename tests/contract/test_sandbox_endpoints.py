"""Where events go: endpoints and destinations, what they listen to, and when they hear nothing more."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
import stripe

from tests.contract.billing import make_meter
from tests.contract.sandbox_process import Sandbox


async def heard(sandbox: Sandbox, id: str, times: int, seconds: float = 3, kind: str = "event") -> int:
    """How often a thing was told of by snapshots, or thin events, once that was ``times``."""
    deadline = time.monotonic() + seconds
    while True:
        told = sum(id in text and f'"object": "{kind}"' in text for text in list(sandbox.listener.raw))
        if told >= times or time.monotonic() > deadline:
            return told
        await asyncio.sleep(0.02)


async def destination(client: stripe.StripeClient, sandbox: Sandbox, path: str, **more: Any) -> Any:
    params: Any = {
        "name": "thin",
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "enabled_events": ["v1.billing.meter.error_report_triggered"],
        "webhook_endpoint": {"url": f"http://127.0.0.1:{sandbox.listener.port}{path}"},
        "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
        **more,
    }
    made = await client.v2.core.event_destinations.create_async(params)
    assert made.webhook_endpoint is not None
    sandbox.listener.secrets[path] = str(made.webhook_endpoint.signing_secret)
    return made


async def wrong_usage(client: stripe.StripeClient) -> str:
    """An event of a customer who is not there; returns its meter."""
    meter = await make_meter(client)
    await client.v1.billing.meter_events.create_async(
        {
            "event_name": meter.event_name,
            "payload": {"stripe_customer_id": "cus_nobody", "value": "1"},
            "identifier": str(uuid4()),
        }
    )
    return str(meter.id)


async def test_a_destination_hears_what_it_listens_to_while_it_is_enabled(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    made = await destination(client, sandbox, "/d1")
    destinations = client.v2.core.event_destinations
    other = await destination(client, sandbox, "/d2", enabled_events=["v1.billing.meter.no_meter_found"])
    try:
        told: list[tuple[Callable[[str], Awaitable[Any]] | None, int]] = [
            (None, 2),  # the destination and the endpoint of the command line
            (destinations.disable_async, 1),
            (destinations.enable_async, 2),
            (destinations.delete_async, 1),
        ]
        for change, times in told:
            if change is not None:
                await change(made.id)
            meter = await wrong_usage(client)
            assert await heard(sandbox, meter, times, kind="v2.core.event") == times
        found = await client.v2.core.events.list_async({"object_id": meter})
        assert [one.type for one in found.data] == ["v1.billing.meter.error_report_triggered"]
    finally:
        await destinations.delete_async(other.id)


async def test_a_destination_is_read_changed_and_pinged(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    made = await destination(client, sandbox, "/d3")
    destinations = client.v2.core.event_destinations
    try:
        read = await destinations.retrieve_async(made.id)
        assert read.webhook_endpoint is not None
        assert (read.webhook_endpoint.signing_secret, read.status) == (None, "enabled")
        assert (await destinations.update_async(made.id, {"name": "other"})).name == "other"
        listed = await destinations.list_async({"include": ["webhook_endpoint.url"]})
        assert made.id in [one.id for one in listed.data]
        pinged = await destinations.ping_async(made.id)
        assert pinged.type == "v2.core.event_destination.ping"
        assert await heard(sandbox, made.id, 1, kind="v2.core.event") == 1
        with pytest.raises(stripe.InvalidRequestError):
            await destination(client, sandbox, "/d4", webhook_endpoint={"url": "https://example.com/"})
    finally:
        await destinations.delete_async(made.id)


async def test_v2_lists_are_walked_by_their_next_page(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    meters = [await wrong_usage(client) for _ in range(3)]
    first = await client.v2.core.events.list_async(
        {"limit": 2, "types": ["v1.billing.meter.error_report_triggered"]}
    )
    assert first.next_page_url is not None
    walked: list[Any] = []
    async for event in first.auto_paging_iter():
        walked.append(event)
        if len(walked) == 3:
            break
    assert [one.related_object.id for one in walked] == meters[::-1]


async def test_usage_that_no_meter_counts_is_reported_later(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    name = f"nothing_{uuid4().hex}"
    identifier = str(uuid4())
    event: Any = {"event_name": name, "payload": {"stripe_customer_id": "x", "value": "1"}}
    await client.v2.billing.meter_event_stream.create_async({"events": [event | {"identifier": identifier}]})
    thin = sandbox.listener.wait_for("v1.billing.meter.no_meter_found")
    found: Any = await client.v2.core.events.retrieve_async(thin["id"])
    assert found.data.reason.error_types[0].sample_errors[0].request.identifier == identifier


async def test_an_endpoint_that_is_gone_or_off_is_left_alone_at_once(
    client: stripe.StripeClient, sandbox: Sandbox
) -> None:
    url = f"http://127.0.0.1:{sandbox.listener.port}/e1"
    endpoint = await client.v1.webhook_endpoints.create_async(
        {"url": url, "enabled_events": ["product.created"]}
    )
    sandbox.listener.secrets["/e1"] = str(endpoint.secret)
    sandbox.control("faults", {"held": True})
    try:
        product = await client.v1.products.create_async({"name": "x"})
        customer = await client.v1.customers.create_async({})
        off = await client.v1.webhook_endpoints.update_async(endpoint.id, {"disabled": True})
        assert off.status == "disabled"
    finally:
        sandbox.control("faults", method="DELETE")
    assert await heard(sandbox, product.id, 2, seconds=1) == 1
    await client.v1.webhook_endpoints.update_async(endpoint.id, {"disabled": False})
    product = await client.v1.products.create_async({"name": "x"})
    assert await heard(sandbox, product.id, 2) == 2
    assert await heard(sandbox, customer.id, 2, seconds=0.3) == 1  # it does not listen to customers
    listed = await client.v1.webhook_endpoints.list_async()
    assert endpoint.id in [one.id for one in listed.data]
    await client.v1.webhook_endpoints.delete_async(endpoint.id)
    product = await client.v1.products.create_async({"name": "x"})
    assert await heard(sandbox, product.id, 2, seconds=0.5) == 1
