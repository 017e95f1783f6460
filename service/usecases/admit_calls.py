"""Admits calls at the gate, in groups: a group is one transaction."""

import dataclasses
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import psycopg
import sqlalchemy.exc
from sqlalchemy.ext.asyncio import AsyncSession

from billing.metering import counters, reservations
from billing.metering.planning import by_index
from billing.plans.catalog import plans_of
from service.access import facts as ask
from service.access.admission import Admitted, EntitlementRequired, Facts, Prices, admit
from service.access.calls import AccountPrincipal, Admission, Call, KeyPrincipal
from service.answering.records import RunningAnswer, insert_running
from service.platform.database import Database
from service.platform.driver import driver_connection
from service.platform.settings import Settings
from service.usecases.context import Context

__all__ = ["AccountPrincipal", "Admission", "Call", "KeyPrincipal", "admit_call", "admit_group"]

LOST = (psycopg.OperationalError, sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)
"""The database went away or broke a deadlock: what was committed is read, the rest tried again."""


async def admit_call(context: Context, call: Call) -> Admission:
    """Lets one call in; its reservation and its running answer are committed before this returns.

    Raises ``KeyRejected``, ``ScopeMissing``, ``KnowledgeBaseUnavailable``, ``ContractRequired``,
    ``PaymentRequired``, ``SpendCapReached``, ``EntitlementRequired`` (with ``extensions["plans"]``),
    ``RateLimited`` (all of ``service.access.admission``) or ``Overloaded`` (of ``service.platform.batcher``).
    """
    try:
        if context.gate is not None:
            return await context.gate.admissions.submit(call)
        (verdict,) = await admit_group(context.database, context.settings, [call])
        if isinstance(verdict, Exception):
            raise verdict
        return verdict
    except EntitlementRequired as refusal:
        async with context.database.reading() as connection:
            plans = await plans_of(connection, refusal.knowledge_base_ids)
        refusal.extensions = {
            "plans": [plan for base in refusal.knowledge_base_ids for plan in plans.get(base, [])]
        }
        raise


async def admit_group(
    database: Database, settings: Settings, calls: Sequence[Call]
) -> list[Admission | Exception]:
    """A verdict for each call, in order, with what was let in committed.

    When the connection is lost, perhaps in the COMMIT, or a call turns out to be known, one more try asks
    first what is there already.
    """
    try:
        return await _admit(database, settings, calls, retry=False)
    except (*LOST, psycopg.errors.UniqueViolation):
        return await _admit(database, settings, calls, retry=True)


async def judge_group(
    session: AsyncSession, settings: Settings, calls: Sequence[Call]
) -> list[Admitted | Exception]:
    """The verdicts alone: nothing is reserved."""
    facts, _ = await _load(session, settings, calls, frozenset())
    return admit(calls, facts)


async def _admit(
    database: Database, settings: Settings, calls: Sequence[Call], *, retry: bool
) -> list[Admission | Exception]:
    while True:
        async with database.transaction() as session:
            again = calls if retry else [call for call in calls if call.resumed]
            placed = await _placed(session, again) if again else frozenset()
            facts, month = await _load(session, settings, calls, placed)
            verdicts = admit(calls, facts)
            if not facts.missing:
                claims = [
                    verdict.claim
                    for verdict in verdicts
                    if isinstance(verdict, Admitted) and verdict.claim.id not in placed
                ]
                begun = _begun(calls, verdicts)
                if claims or begun:
                    connection = await driver_connection(session)
                    async with connection.pipeline():
                        if claims:
                            await reservations.place(
                                connection,
                                claims,
                                facts.counters,
                                now=facts.now,
                                month=month,
                                expires=timedelta(seconds=settings.reservation_seconds),
                                currency=settings.currency,
                            )
                        await insert_running(connection, begun)
                return [_told(v, placed) if isinstance(v, Admitted) else v for v in verdicts]
        # The first calls of a month make their counters, in a transaction that holds nothing else.
        async with database.transaction() as session:
            await counters.ensure(await driver_connection(session), month, sorted(facts.missing))


def _told(admitted: Admitted, placed: frozenset[UUID]) -> Admission:
    """What was placed before may have been placed otherwise: it is read when the call ends."""
    admission = admitted.admission
    return dataclasses.replace(admission, reservation=None) if admission.call_id in placed else admission


async def _placed(session: AsyncSession, calls: Sequence[Call]) -> frozenset[UUID]:
    connection = await driver_connection(session)
    return frozenset(await reservations.existing(connection, [call.id for call in calls]))


async def _load(
    session: AsyncSession, settings: Settings, calls: Sequence[Call], placed: frozenset[UUID]
) -> tuple[Facts, date]:
    """Everything the group depends on, in two round trips; the counters are locked from the second on."""
    connection = await driver_connection(session)
    hashes = list({c.principal.secret_hash for c in calls if isinstance(c.principal, KeyPrincipal)})
    pairs = list(
        {
            (call.principal.account_id, base)
            for call in calls
            if isinstance(call.principal, AccountPrincipal)
            for base in call.knowledge_base_ids
        }
    )
    bases = {base for asked in {call.knowledge_base_ids for call in calls} for base in asked}
    async with connection.pipeline():
        await by_index(connection)
        clock = await ask.ask_clock(connection)
        known = await ask.ask_knowledge_bases(connection, bases)
        keys = await ask.ask_keys(connection, hashes, currency=settings.currency) if hashes else None
        own = await ask.ask_members(connection, bases) if hashes else None
        grants = await ask.ask_grants(connection, pairs) if pairs else None
    now, month = await ask.read_clock(clock)
    rows = await ask.read_keys(keys)
    organizations = {row[2] for row in rows}
    subjects = [counters.free_questions_subject(account, base) for account, base in pairs]
    subjects += [*organizations, *{row[1] for row in rows}]
    async with connection.pipeline():
        locked = await ask.ask_counters(connection, subjects)
        terms = await ask.ask_terms(
            connection, organizations, grace_days=settings.grace_days, currency=settings.currency
        )
    facts = Facts(
        now=now,
        prices=Prices(
            settings.currency,
            {"passages": settings.price_passages, "answers": settings.price_answers},
            {"passages": settings.included_passages, "answers": settings.included_answers},
        ),
        keys=ask.key_facts(rows, await ask.read_terms(terms)),
        knowledge_bases=await ask.read_knowledge_bases(known),
        grants=await ask.read_grants(grants) if grants else {},
        counters=await ask.read_counters(locked),
        own=await ask.read_own_creators(own) if own else (),
        placed=placed,
    )
    return facts, month


def _begun(calls: Sequence[Call], verdicts: Sequence[Admitted | Exception]) -> list[RunningAnswer]:
    return [
        dataclasses.replace(
            call.answer,
            organization_id=verdict.admission.organization_id,
            key_id=verdict.admission.key_id,
        )
        for call, verdict in zip(calls, verdicts, strict=True)
        if call.answer is not None and isinstance(verdict, Admitted)
    ]
