"""Sends events to their endpoints, signed by the SDK's own signer, until they are taken."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass

import httpx
import stripe

from billing.sandbox.runtime import Runtime

log = logging.getLogger(__name__)

BATCH = 64
LIMITS = httpx.Limits(max_connections=8)
"""Few connections, kept open: an endpoint's backlog may be small."""
LEASE_SECONDS = 30
"""A delivery whose sender died is sent again after this long."""


@dataclass(frozen=True)
class Delivery:
    """One payload on its way to one endpoint; ``attempts`` counts this one."""

    id: int
    url: str
    secret: str
    payload: str
    attempts: int


async def deliver_forever(runtime: Runtime) -> None:
    """Sends what is due, at once when woken and otherwise every tick."""
    async with httpx.AsyncClient(
        timeout=runtime.config.delivery_timeout_seconds, trust_env=False, limits=LIMITS
    ) as client:
        while True:
            # Not `wait_for`, which keeps a cancellation to itself when the wait ends at the same moment.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(runtime.config.tick_seconds):
                    await runtime.wake.wait()
            runtime.wake.clear()
            try:
                while await _deliver_batch(runtime, client):
                    pass
            except Exception:  # the loop outlives a database that is away for a while
                log.exception("delivery.failed")
                await asyncio.sleep(runtime.config.tick_seconds)


async def _deliver_batch(runtime: Runtime, client: httpx.AsyncClient) -> bool:
    """Sends a batch side by side; False when nothing was due."""
    faults = runtime.faults
    if faults.held:
        return False
    due = await _take(runtime)
    if due and faults.meets("shuffled", due[0].id, due[0].attempts):
        faults.chance("order", due[0].id).shuffle(due)
    copies = [one for one in due for _ in range(2 if faults.meets("doubled", one.id, one.attempts) else 1)]
    await asyncio.gather(*(_deliver(runtime, client, one) for one in copies))
    return bool(due)


async def _take(runtime: Runtime) -> list[Delivery]:
    async with runtime.pool.connection() as connection:
        cursor = await connection.execute(
            "UPDATE sandbox.delivery SET attempts = attempts + 1,"
            " due = clock_timestamp() + make_interval(secs => %s)"
            " WHERE id IN (SELECT id FROM sandbox.delivery WHERE delivered IS NULL"
            "   AND due <= clock_timestamp() ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)"
            " RETURNING id, url, secret, payload, attempts",
            [LEASE_SECONDS, BATCH],
        )
        return sorted((Delivery(*row) for row in await cursor.fetchall()), key=lambda one: one.id)


async def _deliver(runtime: Runtime, client: httpx.AsyncClient, delivery: Delivery) -> None:
    faults, config = runtime.faults, runtime.config
    wait = min(config.first_retry_seconds * 2 ** min(delivery.attempts - 1, 16), config.longest_retry_seconds)
    lost = faults.meets("lost", delivery.id, delivery.attempts)
    if lost:
        said = "lost"
    elif delivery.attempts == 1 and faults.meets("late", delivery.id, 1):
        said, wait = "late", faults.late_seconds
    elif not await _wanted(runtime, delivery):
        return
    else:
        said = await _send(client, delivery)
    taken = lost or said.startswith("2")
    async with runtime.pool.connection() as connection:
        await connection.execute(
            "UPDATE sandbox.delivery SET last_answer = %s,"
            " delivered = CASE WHEN %s THEN clock_timestamp() ELSE delivered END,"
            " due = clock_timestamp() + make_interval(secs => %s) WHERE id = %s",
            [said, taken, wait, delivery.id],
        )


async def _wanted(runtime: Runtime, delivery: Delivery) -> bool:
    """Whether it is still to be sent: an endpoint that was deleted or disabled gets nothing more."""
    async with runtime.pool.connection() as connection:
        cursor = await connection.execute("SELECT FROM sandbox.delivery WHERE id = %s", [delivery.id])
        return await cursor.fetchone() is not None


async def _send(client: httpx.AsyncClient, delivery: Delivery) -> str:
    """The status the endpoint answered with, or why there is none."""
    signature = stripe.WebhookSignature.generate_signature_header(delivery.payload, delivery.secret)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature,
        "User-Agent": "Stripe/1.0 (sandbox)",
    }
    try:
        answer = await client.post(delivery.url, content=delivery.payload.encode(), headers=headers)
    except httpx.HTTPError as error:
        return f"no answer: {type(error).__name__}"
    return str(answer.status_code)
