"""Answers as rows: begun when their call is admitted, finished when it is settled or released.

Both functions take whole groups, for the gate admits and settles in groups: one statement a table, on the
driver's connection, so that they travel with the gate's own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg import AsyncConnection as DriverConnection
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

Finish = Literal["done", "refused", "interrupted", "failed"]

TITLE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class RunningAnswer:
    """An answer that is being made. ``id`` is the call's.

    A person's answer names its conversation, which is begun with it if it is new; whoever builds this has
    checked that an old one is that person's. ``organization_id`` and ``key_id`` are filled in by the gate,
    which is the first to know whose key it was. The question holds no NUL and no lone surrogate.
    """

    id: UUID
    question: str
    knowledge_base_ids: tuple[UUID, ...]
    conversation_id: UUID | None = None
    account_id: UUID | None = None
    organization_id: UUID | None = None
    key_id: UUID | None = None
    once_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt ready to be stored: a compact JWS, and the salt of the hashes in it."""

    id: UUID
    kid: str
    signed: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class FinishedAnswer:
    """How an answer ended. ``citations`` and ``seen`` are stored as they are, so they hold JSON values only.

    ``interrupted`` is one whose reader left in the middle (settled, its part kept), ``failed`` one that
    nobody was billed for. ``grounds`` says by knowledge base why it was open. Token counts are the model's
    own report, ``None`` without a model.
    """

    id: UUID
    status: Finish
    text: str = ""
    citations: Sequence[dict[str, Any]] = ()
    seen: Sequence[tuple[str, int, int]] = ()
    grounds: Mapping[str, str] = field(default_factory=dict)
    billed_units: int = 0
    receipt: SignedReceipt | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


_CONVERSATIONS = """
INSERT INTO conversation AS c (id, account_id, title, created_at, updated_at)
SELECT DISTINCT ON (id) id, account_id, title, zhihao_now(), zhihao_now()
FROM unnest(%(ids)s::uuid[], %(account_ids)s::uuid[], %(titles)s::text[])
     AS begun (id, account_id, title)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at WHERE c.account_id = excluded.account_id
"""

_RUNNING = """
INSERT INTO answer (id, conversation_id, account_id, organization_id, key_id, knowledge_base_ids,
                    question, once_digest)
SELECT id, conversation_id, account_id, organization_id, key_id, CAST(knowledge_base_ids AS uuid[]),
       question, once_digest
FROM unnest(%(ids)s::uuid[], %(conversation_ids)s::uuid[], %(account_ids)s::uuid[],
            %(organization_ids)s::uuid[], %(key_ids)s::uuid[],
            %(knowledge_base_ids)s::text[], %(questions)s::text[],
            %(once_digests)s::bytea[])
     AS running (id, conversation_id, account_id, organization_id, key_id, knowledge_base_ids,
                 question, once_digest)
ON CONFLICT (id) DO NOTHING
"""

_FINISH = """
WITH ended AS (
  SELECT * FROM unnest(
    %(ids)s::uuid[], %(statuses)s::text[], %(texts)s::text[], %(citations)s::text[],
    %(seen)s::text[], %(grounds)s::text[], %(units)s::integer[], %(models)s::text[],
    %(input_tokens)s::bigint[], %(output_tokens)s::bigint[], %(receipt_ids)s::uuid[],
    %(kids)s::text[], %(signed)s::text[], %(salts)s::bytea[])
  AS e (id, status, text, citations, seen, grounds, units, model, input_tokens, output_tokens,
        receipt_id, kid, signed, salt)
), finished AS (
  UPDATE answer SET status = ended.status, text = ended.text, citations = CAST(ended.citations AS jsonb),
         seen = CAST(ended.seen AS jsonb), grounds = CAST(ended.grounds AS jsonb),
         billed_units = ended.units, model = ended.model, input_tokens = ended.input_tokens,
         output_tokens = ended.output_tokens, receipt_id = ended.receipt_id, finished_at = zhihao_now()
  FROM ended WHERE answer.id = ended.id AND answer.status = 'running'
  RETURNING answer.id, answer.account_id, answer.organization_id
)
INSERT INTO receipt (id, answer_id, account_id, organization_id, kid, signed, salt, created_at)
SELECT ended.receipt_id, ended.id, finished.account_id, finished.organization_id, ended.kid, ended.signed,
       ended.salt, zhihao_now()
FROM ended JOIN finished ON finished.id = ended.id
WHERE ended.receipt_id IS NOT NULL
"""

_FAIL = text(
    """
    UPDATE answer SET status = 'failed', finished_at = zhihao_now()
    WHERE id = ANY (CAST(:ids AS uuid[])) AND status = 'running'
    """
)


async def insert_running(connection: DriverConnection[Any], answers: Sequence[RunningAnswer]) -> None:
    """Writes these answers as running, and begins or touches their conversations; known ids stay. May be sent
    in a pipeline, as ``finish``."""
    if not answers:
        return
    spoken = [(a.conversation_id, a.account_id, a.question) for a in answers if a.conversation_id is not None]
    if spoken:
        await connection.execute(
            _CONVERSATIONS,
            {
                "ids": [conversation_id for conversation_id, _, _ in spoken],
                "account_ids": [account_id for _, account_id, _ in spoken],
                "titles": [question.strip()[:TITLE_CHARACTERS] for _, _, question in spoken],
            },
        )
    await connection.execute(
        _RUNNING,
        {
            "ids": [a.id for a in answers],
            "conversation_ids": [a.conversation_id for a in answers],
            "account_ids": [a.account_id for a in answers],
            "organization_ids": [a.organization_id for a in answers],
            "key_ids": [a.key_id for a in answers],
            # Arrays of several lengths do not nest, so each travels as its own literal.
            "knowledge_base_ids": [f"{{{','.join(map(str, a.knowledge_base_ids))}}}" for a in answers],
            "questions": [a.question for a in answers],
            "once_digests": [a.once_digest for a in answers],
        },
    )


async def finish(connection: DriverConnection[Any], answers: Sequence[FinishedAnswer]) -> None:
    """Writes how these answers ended, with their receipts. One that has ended already keeps its end."""
    if not answers:
        return
    receipts = [a.receipt for a in answers]
    await connection.execute(
        _FINISH,
        {
            "ids": [a.id for a in answers],
            "statuses": [a.status for a in answers],
            "texts": [a.text for a in answers],
            "citations": [_json(a.citations) for a in answers],
            "seen": [_json(a.seen) for a in answers],
            "grounds": [_json(a.grounds) for a in answers],
            "units": [a.billed_units for a in answers],
            "models": [a.model for a in answers],
            "input_tokens": [a.input_tokens for a in answers],
            "output_tokens": [a.output_tokens for a in answers],
            "receipt_ids": [r.id if r else None for r in receipts],
            "kids": [r.kid if r else None for r in receipts],
            "signed": [r.signed if r else None for r in receipts],
            "salts": [r.salt if r else None for r in receipts],
        },
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def fail(session: AsyncSession, answer_ids: Iterable[UUID]) -> None:
    """Marks answers as failed that are still running: their reservation ran out, nobody was billed."""
    await session.execute(_FAIL, {"ids": list(answer_ids)})
