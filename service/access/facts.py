"""The SQL behind decisions. Each function takes the driver's connection, so that many are one round trip.

They return cursors when sent inside a pipeline; ``read_*`` turn them into facts once the pipeline is done.
Every expiry is decided here, by the database's clock.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, AsyncCursor

from billing.metering.arrays import ids
from billing.metering.counters import Counter
from service.access.decision import GrantFact, KnowledgeBaseFacts

Connection = AsyncConnection[Any]
Cursor = AsyncCursor[Any]
Grants = dict[tuple[UUID, UUID], list[GrantFact]]


@dataclass(slots=True)
class KeyFacts:
    """A live API key, its organization's contract and caps; amounts in minor units.

    ``overdue``: an invoice is unpaid after the grace. ``rate_limit`` is calls a minute. ``price_*`` are what
    the contract says a unit costs and ``included_*`` how many a month cost nothing; ``None``: as the settings
    say. ``created_by`` is the account that made the key.
    """

    id: UUID
    organization_id: UUID
    scopes: frozenset[str]
    knowledge_base_ids: frozenset[UUID] | None
    cap: int | None
    rate_limit: int | None
    contract_status: str | None
    overdue: bool
    organization_cap: int | None
    price_passages: int | None = None
    price_answers: int | None = None
    included_passages: int | None = None
    included_answers: int | None = None
    created_by: UUID | None = None


async def ask_clock(connection: Connection) -> Cursor:
    return await connection.execute(
        "SELECT now, date_trunc('month', now AT TIME ZONE 'UTC')::date FROM zhihao_now() AS now"
    )


async def read_clock(cursor: Cursor) -> tuple[datetime, date]:
    """The transaction's time, and the UTC month it falls in."""
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


async def ask_knowledge_bases(connection: Connection, knowledge_base_ids: Iterable[UUID]) -> Cursor:
    return await connection.execute(
        """
        SELECT k.id, k.owner_id, k.status = 'published', k.visibility, k.paid_documents, k.free_questions,
               k.api_access, k.api_price_amount, k.api_price_currency, coalesce(p.generation, 0),
               p.excluded_document_ids
        FROM knowledge_base k LEFT JOIN passage_index p ON p.knowledge_base_id = k.id
        WHERE k.id = ANY(%s::uuid[]) AND k.deleted_at IS NULL
        """,
        (ids(knowledge_base_ids),),
        binary=True,
    )


async def read_knowledge_bases(cursor: Cursor) -> dict[UUID, KnowledgeBaseFacts]:
    """By id; what is missing or deleted is absent."""
    return {
        row[0]: KnowledgeBaseFacts(*(*row[:10], frozenset(row[10] or ()))) for row in await cursor.fetchall()
    }


async def ask_grants(connection: Connection, pairs: Sequence[tuple[UUID, UUID]]) -> Cursor:
    return await connection.execute(
        """
        SELECT g.account_id, g.knowledge_base_id, g.source, g.ends_at
        FROM unnest(%s::uuid[], %s::uuid[]) AS asked (account_id, knowledge_base_id)
        JOIN access_grant g USING (account_id, knowledge_base_id), (SELECT zhihao_now()) AS clock (now)
        WHERE g.revoked_at IS NULL AND g.starts_at <= now AND (g.ends_at IS NULL OR g.ends_at > now)
        """,
        (ids([account for account, _ in pairs]), ids([base for _, base in pairs])),
        binary=True,
    )


async def read_grants(cursor: Cursor) -> Grants:
    """Live grants by (account, knowledge base)."""
    grants: Grants = defaultdict(list)
    for account_id, knowledge_base_id, source, ends_at in await cursor.fetchall():
        grants[account_id, knowledge_base_id].append(GrantFact(source, ends_at))
    return grants


async def ask_for_account(
    connection: Connection, account_id: UUID | None, knowledge_base_ids: Iterable[UUID]
) -> Cursor:
    """As ``ask_knowledge_bases`` and ``ask_grants`` for one account, in one statement: less to send and to
    read where nothing else is asked with it."""
    return await connection.execute(
        """
        SELECT k.id, k.owner_id, k.status = 'published', k.visibility, k.paid_documents, k.free_questions,
               k.api_access, k.api_price_amount, k.api_price_currency, coalesce(p.generation, 0),
               p.excluded_document_ids, g.source, g.ends_at
        FROM knowledge_base k LEFT JOIN passage_index p ON p.knowledge_base_id = k.id
        LEFT JOIN access_grant g ON g.account_id = %s AND g.knowledge_base_id = k.id
          AND g.revoked_at IS NULL AND g.starts_at <= (SELECT zhihao_now())
          AND (g.ends_at IS NULL OR g.ends_at > (SELECT zhihao_now()))
        WHERE k.id = ANY(%s::uuid[]) AND k.deleted_at IS NULL
        """,
        (account_id, ids(knowledge_base_ids)),
        binary=True,
    )


async def read_for_account(cursor: Cursor) -> dict[UUID, tuple[KnowledgeBaseFacts, list[GrantFact]]]:
    """By id, each with the account's live grants; what is missing or deleted is absent."""
    found: dict[UUID, tuple[KnowledgeBaseFacts, list[GrantFact]]] = {}
    for row in await cursor.fetchall():
        known = found.get(row[0])
        if known is None:
            known = found[row[0]] = (KnowledgeBaseFacts(*(*row[:10], frozenset(row[10] or ()))), [])
        if row[11] is not None:
            known[1].append(GrantFact(row[11], row[12]))
    return found


KeyRow = tuple[Any, ...]
Terms = tuple[str | None, bool, int | None, int | None, int | None, int | None, int | None]
"""Of an organization: contract status, overdue, cap, prices and included units, as ``KeyFacts`` has them."""

_NO_TERMS: Terms = (None, False, None, None, None, None, None)


async def ask_keys(connection: Connection, hashes: Sequence[bytes], *, currency: str) -> Cursor:
    """Live keys, not locked. A cap in another currency than the metering one stops every call."""
    return await connection.execute(
        """
        SELECT s.secret_hash, k.id, k.organization_id, k.scopes, k.knowledge_base_ids,
               CASE WHEN k.monthly_cap_currency <> %s THEN 0 ELSE k.monthly_cap_amount END,
               k.rate_limit, k.created_by
        FROM unnest(%b::bytea[]) AS asked (hash)
        JOIN api_key_secret s ON s.secret_hash = asked.hash JOIN api_key k ON k.id = s.key_id
        WHERE k.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > (SELECT zhihao_now()))
          AND (k.expires_at IS NULL OR k.expires_at > (SELECT zhihao_now()))
        """,
        (currency, list(hashes)),
        binary=True,
    )


async def read_keys(cursor: Cursor | None) -> list[KeyRow]:
    return await cursor.fetchall() if cursor else []


async def ask_terms(
    connection: Connection, organization_ids: Collection[UUID], *, grace_days: int, currency: str
) -> Cursor:
    """Contracts and caps, to be asked once the organizations' counters are locked: whoever ends a contract
    holds them meanwhile. A cap in another currency than the metering one stops every call."""
    return await connection.execute(
        """
        SELECT asked.id, CASE WHEN c.ending_at IS NULL THEN c.status ELSE 'canceled' END,
               coalesce(c.unpaid_since + make_interval(days => %s) <= (SELECT zhihao_now()), false),
               CASE WHEN o.currency <> %s THEN 0 ELSE o.amount END,
               c.price_passages, c.price_answers, c.included_passages, c.included_answers
        FROM unnest(%s::uuid[]) AS asked (id)
        LEFT JOIN contract c ON c.organization_id = asked.id
        LEFT JOIN spend_cap o ON o.organization_id = asked.id
        """,
        (grace_days, currency, ids(organization_ids)),
        binary=True,
    )


async def read_terms(cursor: Cursor) -> dict[UUID, Terms]:
    return {row[0]: row[1:] for row in await cursor.fetchall()}


def key_facts(rows: Iterable[KeyRow], terms: Mapping[UUID, Terms]) -> dict[bytes, KeyFacts]:
    """Live keys by the hash of the secret that was sent."""
    return {
        row[0]: KeyFacts(
            row[1],
            row[2],
            frozenset(row[3]),
            None if row[4] is None else frozenset(row[4]),
            row[5],
            row[6],
            *terms.get(row[2], _NO_TERMS),
            created_by=row[7],
        )
        for row in rows
    }


async def ask_counters(connection: Connection, subjects: Collection[UUID]) -> Cursor:
    """This month's counters of these subjects, locked in order."""
    return await connection.execute(
        """
        SELECT subject_id, spent, reserved, paced_until, cap, included_passages, included_answers
        FROM spend_counter
        WHERE month = (SELECT date_trunc('month', zhihao_now() AT TIME ZONE 'UTC')::date)
        AND subject_id = ANY(%s::uuid[]) ORDER BY subject_id FOR NO KEY UPDATE
        """,
        (ids(subjects),),
        binary=True,
    )


async def ask_spent(connection: Connection, subject: UUID) -> Cursor:
    """What one counter of this month has spent and reserved, not locked."""
    return await connection.execute(
        """
        SELECT spent + reserved FROM spend_counter WHERE subject_id = %s
          AND month = (SELECT date_trunc('month', zhihao_now() AT TIME ZONE 'UTC')::date)
        """,
        (subject,),
    )


async def read_counters(cursor: Cursor) -> dict[UUID, Counter]:
    return {row[0]: Counter(*row[1:]) for row in await cursor.fetchall()}


async def ask_members(connection: Connection, knowledge_base_ids: Iterable[UUID]) -> Cursor:
    """The organizations that owners of these knowledge bases are members of."""
    return await connection.execute(
        """
        SELECT m.organization_id, m.account_id
        FROM knowledge_base k JOIN membership m ON m.account_id = k.owner_id WHERE k.id = ANY(%s::uuid[])
        """,
        (ids(knowledge_base_ids),),
        binary=True,
    )


async def ask_own_creators(connection: Connection, call_ids: Sequence[UUID]) -> Cursor:
    """The same of calls whose admission is no more at hand, and of who made their keys."""
    return await connection.execute(
        """
        SELECT DISTINCT r.organization_id, creator_id
        FROM reservation r, unnest(r.creator_ids) AS creator_id
        WHERE r.id = ANY(%s::uuid[]) AND (
          EXISTS (SELECT FROM membership m
                  WHERE m.organization_id = r.organization_id AND m.account_id = creator_id)
          OR EXISTS (SELECT FROM api_key k WHERE k.id = r.key_id AND k.created_by = creator_id))
        """,
        (ids(call_ids),),
        binary=True,
    )


async def read_own_creators(cursor: Cursor) -> set[tuple[UUID, UUID]]:
    """Pairs of an organization and a creator who is of it."""
    return set(await cursor.fetchall())
