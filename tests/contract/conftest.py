"""Fixtures of the contract tests: one sandbox for all of them, watched by the SDK's own types."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
import stripe
from psycopg import sql

from tests.contract.sandbox_process import Sandbox, sandbox_running
from tests.contract.stripe_contract import check_event, watched


@pytest.fixture(scope="session")
def sandbox(postgres: str) -> Iterator[Sandbox]:
    """The program on an empty database of its own."""
    name = f"sandbox_{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    head, _, tail = postgres.rpartition("/zhihao?")
    with sandbox_running(f"{head}/{name}?{tail}") as running:
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
