"""Events that were announced reach the endpoints that listen: placed, queued, signed, sent, tried again.

One process sends at a time, many endpoints at once. A try is claimed in one transaction and its outcome
written in another; nothing is held open while a stranger's server takes its time. What a dead worker had
claimed comes up again: an event arrives at least once, under the same id.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from service.accounts import organizations
from service.mail import letters
from service.outgoing import deliveries, dispatching, endpoints, signing
from service.outgoing.deliveries import Attempt, Claim, Schedule
from service.outgoing.endpoints import Reason
from service.platform.alone import alone
from service.platform.counts import WEBHOOK_TRIES
from service.platform.egress import EgressFailed, EgressRefused
from service.platform.sealing import derive_key
from service.platform.settings import Settings
from service.usecases.context import Context

log = structlog.get_logger(__name__)

LEASE_MARGIN_SECONDS = 30
LOOK_AGAIN_SECONDS = 0.25
PURPOSE = "webhook-secret"
WHY: Mapping[Reason, tuple[str, str]] = {
    "failing": ("多日来没有一次成功送达", "nothing was delivered for days"),
    "gone": ("对方答复 410", "it answered 410"),
}


def sealing_key(settings: Settings) -> bytes:
    """What the endpoints' secrets are sealed with."""
    return derive_key(settings.secret_key.get_secret_value(), PURPOSE)


async def deliver_webhooks(context: Context) -> None:
    """The job of every announcement, and of the clock: places what was announced, and sends what is due.

    Who finds another sending leaves it to that one, which looks again before it ends.
    """
    placed = most = context.settings.sweep_batch
    while placed == most:
        async with context.database.transaction() as session:
            placed = await dispatching.place(session, most=most)
    while await _any_due(context):
        async with alone(context.database, "deliver_webhooks") as mine:
            if not mine:
                return
            await _send_all(context)


async def _any_due(context: Context) -> bool:
    async with context.database.reading() as connection:
        return await deliveries.any_due(connection)


async def _send_all(context: Context) -> None:
    """Sends until nothing is due, as many at once as the settings allow."""
    settings = context.settings
    running: dict[asyncio.Task[None], Claim] = {}
    try:
        while True:
            for claim, secrets in await _claim(context, list(running.values())):
                running[asyncio.create_task(_try(context, claim, secrets))] = claim
            if not running:
                return
            # A full house waits for room; otherwise what falls due meanwhile is begun beside.
            full = len(running) >= settings.outgoing_concurrency
            ended, _ = await asyncio.wait(
                running,
                timeout=None if full else LOOK_AGAIN_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in ended:
                claim = running.pop(task)
                if (error := task.exception()) is not None:
                    # Its claim runs out, and it is tried again.
                    log.error("webhook.lost", delivery=str(claim.id), exc_info=error)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _claim(context: Context, running: list[Claim]) -> list[tuple[Claim, list[str]]]:
    settings = context.settings
    room = settings.outgoing_concurrency - len(running)
    if room <= 0:
        return []
    async with context.database.transaction() as session:
        claims = await deliveries.claim(
            session,
            most=room,
            each=settings.outgoing_per_endpoint,
            busy=Counter(claim.endpoint_id for claim in running),
            lease=timedelta(seconds=settings.outgoing_timeout_seconds + LEASE_MARGIN_SECONDS),
        )
        if not claims:
            return []
        ids = list({claim.endpoint_id for claim in claims})
        secrets = await endpoints.secrets_of(session, ids, key=sealing_key(settings))
    return [(claim, secrets.get(claim.endpoint_id, [])) for claim in claims]


async def _try(context: Context, claim: Claim, secrets: list[str]) -> None:
    attempt = await _send(context, claim, secrets)
    WEBHOOK_TRIES.labels("delivered" if attempt.delivered else "failed").inc()
    settings = context.settings
    async with context.database.transaction() as session:
        if attempt.delivered:
            await deliveries.delivered(session, claim, attempt)
            return
        schedule = Schedule(settings.outgoing_waits, timedelta(days=settings.outgoing_disable_days))
        reason = await deliveries.failed(session, claim, attempt, schedule)
        if reason is not None:
            await endpoints.disable(session, claim.endpoint_id, reason)
            await _tell_owners(session, claim, reason)
    log.info("webhook.failed", delivery=str(claim.id), status=attempt.status, attempts=claim.attempts + 1)


async def _send(context: Context, claim: Claim, secrets: list[str]) -> Attempt:
    settings = context.settings
    assert context.egress is not None, "a worker has an egress"
    sent = signing.message(id=claim.event_id, type=claim.type, at=claim.at, data=claim.data)
    begun = time.monotonic()
    status, error, response = None, None, ""
    try:
        reply = await context.egress.request(
            "POST",
            claim.url,
            headers=signing.headers(sent, secrets=secrets, at=claim.claimed_at),
            content=sent.body,
            seconds=settings.outgoing_timeout_seconds,
            max_bytes=settings.outgoing_response_bytes,
            cut=True,
        )
        status = reply.status
        response = reply.body.decode("utf-8", "replace").replace("\0", "\ufffd")
    except EgressRefused as refused:
        error = f"refused: {refused}"
    except EgressFailed as failure:
        error = str(failure)
    return Attempt(claim.claimed_at, status, error, int((time.monotonic() - begun) * 1000), response)


async def _tell_owners(session: AsyncSession, claim: Claim, reason: Reason) -> None:
    """Writes to the creator, or to all who manage the organization."""
    owner = await endpoints.owner_of(session, claim.endpoint_id)
    if owner.organization_id is not None:
        people = await organizations.managers_of(session, owner.organization_id)
    else:
        assert owner.account_id is not None, "an endpoint has an owner"
        people = [owner.account_id]
    chinese, english = WHY[reason]
    for account_id in people:
        await letters.write(
            session,
            "endpoint_disabled",
            account_id=account_id,
            key=f"endpoint_disabled:{claim.endpoint_id}:{account_id}:{claim.claimed_at.isoformat()}",
            facts={
                "host": urlsplit(claim.url).hostname or "",
                "why_zh": chinese,
                "why_en": english,
                "endpoint_id": str(claim.endpoint_id),
            },
        )
