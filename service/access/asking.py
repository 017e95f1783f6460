"""Decisions for people. The primary is asked each time: a revoke counts from its acknowledgement on."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from billing.metering.counters import free_questions_subject
from search.passages.scope import AccessScope
from service.access import facts
from service.access.decision import Decision, decide, scope
from service.platform.driver import driver_connection


async def decide_for_account(
    session: AsyncSession | AsyncConnection, account_id: UUID | None, knowledge_base_ids: Sequence[UUID]
) -> dict[UUID, Decision]:
    """What the account (``None``: nobody signed in) may see of each knowledge base, now.

    A base that is missing, deleted, or neither shown to all nor open to this account is absent: the
    caller answers as if it did not exist. Free questions are no part of this; only asking spends them.
    """
    connection = await driver_connection(session)
    ids = list(dict.fromkeys(knowledge_base_ids))
    found = await facts.read_for_account(await facts.ask_for_account(connection, account_id, ids))
    decisions: dict[UUID, Decision] = {}
    for base in ids:
        if base in found:
            decision = decide(account_id, *found[base])
            if decision is not None:
                decisions[base] = decision
    return decisions


async def free_questions_left(
    session: AsyncSession | AsyncConnection, *, account_id: UUID, knowledge_base_id: UUID, allowed: int
) -> int:
    """Of the ``allowed`` free questions of this month, those neither asked nor being asked."""
    if not allowed:
        return 0
    connection = await driver_connection(session)
    cursor = await facts.ask_spent(connection, free_questions_subject(account_id, knowledge_base_id))
    row = await cursor.fetchone()
    return allowed if row is None else max(0, allowed - row[0])


async def scope_of(session: AsyncSession | AsyncConnection, decisions: Iterable[Decision]) -> AccessScope:
    """The scope of a search under these decisions, with each index's generation and excluded documents.

    A base deleted since it was decided about is left out.
    """
    listed = list(decisions)
    connection = await driver_connection(session)
    cursor = await facts.ask_knowledge_bases(connection, [d.knowledge_base_id for d in listed])
    bases = await facts.read_knowledge_bases(cursor)
    return scope([d for d in listed if d.knowledge_base_id in bases], bases)
