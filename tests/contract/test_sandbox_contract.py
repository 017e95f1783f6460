"""The contract itself: what the SDK's types forbid is found, in requests, answers and events."""

import json
from copy import deepcopy
from typing import Any

import pytest
import stripe
from pydantic import ValidationError

from tests.contract.sandbox_process import Sandbox
from tests.contract.stripe_contract import check_event
from tests.contract.stripe_operations import check_request, operations
from tests.contract.stripe_shapes import faults


def test_the_sdk_s_operations_are_all_found() -> None:
    found = {(one.verb, one.path.pattern) for one in operations()}
    assert len(found) > 600
    assert sum(one.params is None for one in operations()) < 20


@pytest.mark.parametrize(
    "params",
    [
        {"emial": "a@example.com"},
        {"email": 1},
        {"address": {"town": "x"}},
        {"tax_exempt": "sometimes"},
        {"balance": "1"},
    ],
)
def test_a_wrong_request_is_found(params: dict[str, Any]) -> None:
    check_request("post", "/v1/customers", {"email": "a@example.com", "address": {"city": "x"}})
    with pytest.raises(ValidationError):
        check_request("post", "/v1/customers", params)


def test_what_endive_took_away_is_found() -> None:
    with pytest.raises(ValidationError):
        check_request("post", "/v1/checkout/sessions", {"payment_method_types": ["card"]})
    with pytest.raises(ValidationError):
        check_request("get", "/v1/invoices", {"charge": "ch_1"})


async def test_a_wrong_answer_is_found(client: stripe.StripeClient) -> None:
    customer = await client.v1.customers.create_async({"email": "a@example.com"})
    assert customer.last_response is not None
    right = json.loads(customer.last_response.body)
    assert not list(faults(right))
    for change in (
        {"created": "now"},
        {"livemode": None},
        {"current_period_end": 1},
        {"tax_exempt": "sometimes"},
        {"invoice_settings": {"custom_fields": [{"name": 1, "value": "x"}]}},
        {"address": {"town": "x"}},
    ):
        assert list(faults({**right, **change})), change
    missing = deepcopy(right)
    del missing["created"]
    assert list(faults(missing))


async def test_a_wrong_event_is_found(client: stripe.StripeClient, sandbox: Sandbox) -> None:
    customer = await client.v1.customers.create_async({"email": "a@example.com"})
    event = sandbox.listener.wait_for("customer.created", id=customer.id)
    check_event(event)
    for change in ({"type": "customer.born"}, {"request": "req_1"}, {"extra": 1}):
        with pytest.raises(AssertionError):
            check_event({**event, **change})
