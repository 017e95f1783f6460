"""The same question twice, by its Idempotency-Key: the gate again, and the first answer again."""

import dataclasses
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.metering import reservations
from billing.plans.catalog import plans_of
from service.access import facts as ask
from service.access.admission import (
    EntitlementRequired,
    Facts,
    KnowledgeBaseUnavailable,
    Prices,
    admit,
)
from service.access.asking import decide_for_account
from service.access.calls import AccountPrincipal, Call, KeyPrincipal, Meter
from service.answering.answers import KeptAnswer, find_kept
from service.platform.database import zhihao_now
from service.platform.driver import driver_connection
from service.platform.idempotency import Once, begun_at, claim, forget, keep
from service.usecases.context import Context

T = TypeVar("T")

_CALLS = UUID("0199a5a0-5f0e-7c6e-8f59-4b1d7c1f2a02")

MARGIN_SECONDS = 60
"""How long after the last moment a model may take a claim is still held: for the gate and the database."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The work is to be done, as this call; ``resumed``: it was admitted before."""

    id: UUID
    resumed: bool


def lease(context: Context, once: Once | None) -> Once | None:
    """The claim of a call that may wait for a model: nobody takes it over while it may still end."""
    if once is None or context.model is None:
        return once
    longest = int(context.settings.model_total_timeout_seconds) + MARGIN_SECONDS
    return dataclasses.replace(once, lease_seconds=max(once.lease_seconds, longest))


async def claim_call(context: Context, once: Once | None, kind: type[T]) -> T | None:
    """What was kept, or ``None``: the claim is committed, to be ended by ``keep_call`` or ``forget_call``."""
    if once is None:
        return None
    async with context.database.transaction() as session:
        return await claim(session, once, kind)


async def claim_metered(context: Context, once: Once | None, kind: type[T], id: UUID) -> "T | Claimed":
    """As ``claim_call``, for a metered call with no row of its own to be found by.

    Its id comes from the claim, so that whoever takes the claim over finds what the one before had reserved
    or settled, and nothing is billed twice. ``id`` is used where there is no claim.
    """
    if once is None:
        return Claimed(id, resumed=False)
    async with context.database.transaction() as session:
        kept = await claim(session, once, kind)
        if kept is not None:
            return kept
        begun = await begun_at(session, once)
        call_id, resumed = uuid5(_CALLS, f"{once.digest.hex()}:{begun.since.isoformat()}"), begun.again
        while resumed:
            state = await reservations.state_of(await driver_connection(session), call_id)
            if state not in {"released", "expired"}:
                resumed = state is not None
                break
            # That attempt ended unbilled: this one is a call of its own.
            call_id = uuid5(_CALLS, call_id.hex)
    return Claimed(call_id, resumed=resumed)


async def claim_answer(context: Context, once: Once | None) -> KeptAnswer | None:
    """As ``claim_call``. The answer of a process that fell before it could keep it is found by its row."""
    kept = await claim_call(context, once, KeptAnswer)
    if kept is not None or once is None:
        return kept
    async with context.database.reading() as connection:
        since = await zhihao_now(connection) - timedelta(hours=once.kept_hours)
        kept = await find_kept(connection, once.digest, since=since)
    if kept is not None:
        await keep_call(context, once, kept)
    return kept


async def keep_call(context: Context, once: Once | None, result: object) -> None:
    """Ends the claim with what is to be replayed."""
    if once is not None:
        async with context.database.transaction() as session:
            await keep(session, once, result)


async def forget_call(context: Context, once: Once | None) -> None:
    """Ends the claim with nothing, so that the call may be tried again at once."""
    if once is not None:
        async with context.database.transaction() as session:
            await forget(session, once)


async def pass_again(
    context: Context,
    *,
    principal: KeyPrincipal | AccountPrincipal,
    meter: Meter,
    knowledge_base_ids: tuple[UUID, ...],
    grounds: dict[UUID, str],
    call_id: UUID,
) -> None:
    """The gate without its counters: what was granted and paid for once is not paid for again, but what was
    revoked since stays closed. A free question granted that one answer, so it grants its replay.

    Raises what ``admit_call`` raises, but for caps and rates.
    """
    async with context.database.reading() as connection:
        if isinstance(principal, KeyPrincipal):
            await _key_again(context, connection, Call(call_id, principal, meter, knowledge_base_ids))
            return
        decisions = await decide_for_account(connection, principal.account_id, knowledge_base_ids)
        lapsed = [
            base
            for base in knowledge_base_ids
            if grounds.get(base) not in {"free_question", "free_tier"}
            and base in decisions
            and decisions[base].tier != "all"
        ]
        if len(decisions) < len(set(knowledge_base_ids)):
            raise KnowledgeBaseUnavailable("no such knowledge base")
        if lapsed:
            refusal = EntitlementRequired(tuple(lapsed))
            plans = await plans_of(connection, lapsed)
            refusal.extensions = {"plans": [plan for base in lapsed for plan in plans.get(base, [])]}
            raise refusal


async def _key_again(context: Context, connection: AsyncConnection, call: Call) -> None:
    settings = context.settings
    assert isinstance(call.principal, KeyPrincipal)
    driver = await driver_connection(connection)
    async with driver.pipeline():
        clock = await ask.ask_clock(driver)
        known = await ask.ask_knowledge_bases(driver, call.knowledge_base_ids)
        keys = await ask.ask_keys(driver, [call.principal.secret_hash], currency=settings.currency)
    now, _ = await ask.read_clock(clock)
    rows = await ask.read_keys(keys)
    terms = await ask.ask_terms(
        driver, [row[2] for row in rows], grace_days=settings.grace_days, currency=settings.currency
    )
    (verdict,) = admit(
        [call],
        Facts(
            now=now,
            prices=Prices(settings.currency, {"passages": 0, "answers": 0}),
            keys=ask.key_facts(rows, await ask.read_terms(terms)),
            knowledge_bases=await ask.read_knowledge_bases(known),
            grants={},
            counters={},
            placed=frozenset({call.id}),
        ),
    )
    if isinstance(verdict, Exception):
        raise verdict
