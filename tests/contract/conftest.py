"""Fixtures of the contract tests: one sandbox for all of them, watched by the SDK's own types."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest
import stripe

from tests.contract.sandbox_process import Sandbox, sandbox_of_its_own
from tests.contract.stripe_contract import check_event, watched


@pytest.fixture(scope="session")
def sandbox(postgres: str) -> Iterator[Sandbox]:
    """The program on an empty database of its own."""
    with sandbox_of_its_own(postgres) as running:
        yield running
        events = list(running.listener.events)
    for event in events:  # whatever the tests did, Stripe could have sent what came of it
        if event["object"] == "event":
            check_event(event)
    assert running.listener.forged == 0


@pytest.fixture
def calls() -> Iterator[Counter[str]]:
    """Checks every call in both directions, and counts them."""
    with watched() as seen:
        yield seen


@pytest.fixture
async def client(sandbox: Sandbox, calls: Counter[str]) -> AsyncIterator[stripe.StripeClient]:
    """The unmodified SDK on the sandbox, watched."""
    async with sandbox.client() as made:
        yield made
