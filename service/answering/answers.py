"""Answers as they are shown: the one shape for every door, from the making or from the row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.answering.drafting import Citation
from service.answering.tables import answer


class AnswerNotFound(Exception):
    """There is no such answer for this person."""


@dataclass(frozen=True, slots=True)
class Usage:
    """``billed_units`` of the meter ``answers``; ``remaining_free`` counts free questions that this person
    has left over the bases asked, as of the answer; null for keys, and when an old answer is read again."""

    billed_units: int
    remaining_free: int | None


class AnswerFact(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. A refused one has no citations. ``interrupted`` is there on one that was cut short.

    ``conversation_id`` is null for keys, who have no conversations.
    """

    id: UUID
    text: str
    refused: bool
    citations: list[Citation]
    conversation_id: UUID | None
    receipt_id: UUID | None
    usage: Usage
    interrupted: bool | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation, and its answer."""

    question: str
    asked_at: datetime
    answer: AnswerFact


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What an Idempotency-Key replays, and why it may: ``grounds`` by knowledge base asked.

    Tokens are the model's own report, ``None`` where there was none.
    """

    answer: AnswerFact
    grounds: dict[UUID, str]
    cap_remaining: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


_SHOWN = ("done", "refused", "interrupted")
_FIELDS = (
    "id", "text", "status", "citations", "conversation_id", "receipt_id", "billed_units", "question",
    "created_at", "grounds", "input_tokens", "output_tokens",
)  # fmt: skip


def _select() -> Select[Any]:
    return select(*(answer.c[name] for name in _FIELDS)).where(answer.c.status.in_(_SHOWN))


async def get_answer(
    session: AsyncSession | AsyncConnection, *, answer_id: UUID, account_id: UUID
) -> AnswerFact:
    """A finished answer of this person's. Raises ``AnswerNotFound``."""
    query = _select().where(answer.c.id == answer_id, answer.c.account_id == account_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise AnswerNotFound("There is no such answer.")
    return _fact(row)


async def get_citations(session: AsyncSession | AsyncConnection, answer_id: UUID) -> list[Citation]:
    """What an answer cites, for whoever was found to be its owner; empty when it was deleted."""
    row = (await session.execute(_select().where(answer.c.id == answer_id))).one_or_none()
    return [] if row is None else _fact(row).citations


async def list_turns(session: AsyncSession | AsyncConnection, conversation_id: UUID) -> list[Turn]:
    """Everything answered in a conversation, oldest first."""
    query = _select().where(answer.c.conversation_id == conversation_id).order_by(answer.c.id)
    return [Turn(row.question, row.created_at, _fact(row)) for row in await session.execute(query)]


async def last_questions(
    session: AsyncSession | AsyncConnection, conversation_id: UUID, *, limit: int
) -> list[str]:
    """The answered questions of a conversation, newest first."""
    query = (
        select(answer.c.question)
        .where(answer.c.conversation_id == conversation_id, answer.c.status.in_(_SHOWN))
        .order_by(answer.c.id.desc())
        .limit(limit)
    )
    return list((await session.execute(query)).scalars())


async def find_kept(
    session: AsyncSession | AsyncConnection, once_digest: bytes, *, since: datetime
) -> KeptAnswer | None:
    """The answer that a request with this Idempotency-Key was given, if its process fell before it could
    keep it: newest first, not older than the key may be."""
    query = (
        _select()
        .where(answer.c.once_digest == once_digest, answer.c.created_at >= since)
        .order_by(answer.c.id.desc())
        .limit(1)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    return KeptAnswer(
        _fact(row),
        msgspec.convert(row.grounds, dict[UUID, str]),
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
    )


def _fact(row: Row[Any]) -> AnswerFact:
    citations: Sequence[Citation] = msgspec.convert(row.citations, list[Citation])
    return AnswerFact(
        id=row.id,
        text=row.text,
        refused=row.status == "refused",
        citations=list(citations),
        conversation_id=row.conversation_id,
        receipt_id=row.receipt_id,
        usage=Usage(billed_units=row.billed_units, remaining_free=None),
        interrupted=True if row.status == "interrupted" else UNSET,
    )
