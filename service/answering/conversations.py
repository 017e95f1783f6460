"""Conversations: a person's questions that follow one another."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.answering.tables import conversation

SHORT_CHARACTERS = 10
"""Of a question in Chinese, Japanese or Korean; of one in words, that many stand for two each."""

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_POINTS_BACK = re.compile(
    r"\b(it|its|they|them|their|this|that|these|those|he|she|his|her)\b"
    r"|^(and|but|so|or|why|what about|how about)\b"
    r"|[它他她]|这个|這個|这些|這些|那个|那個|那些|那么|那麼|此外|上述|前面|刚才|剛才|呢[？?]?$|^(那|还|還|为什么|為什麼)",
    re.IGNORECASE,
)


class ConversationNotFound(Exception):
    """There is no such conversation of this person's."""


@dataclass(frozen=True, slots=True)
class ConversationFact:
    """``title`` is the beginning of its first question."""

    id: UUID
    title: str
    created_at: datetime
    updated_at: datetime


def points_back(question: str) -> bool:
    """Whether a question says that it leans on the one before: by a pronoun, or by how it begins or ends."""
    return bool(_POINTS_BACK.search(question.strip()))


def follows_up(question: str) -> bool:
    """Whether a question is likely to lean on the one before: very short, or pointing back."""
    length = len(_UNSPACED.findall(question)) + 2 * len(_WORD.findall(_UNSPACED.sub(" ", question)))
    return length <= SHORT_CHARACTERS or points_back(question)


def topic_of(earlier: Sequence[str]) -> str | None:
    """What a follow-up is about: the last question that stands by itself, and the one before the follow-up
    where that leans on it in turn. ``earlier`` are a conversation's questions, newest first."""
    if not earlier:
        return None
    whole = next((question for question in earlier if not follows_up(question)), earlier[-1])
    return whole if whole == earlier[0] else f"{whole}\n{earlier[0]}"


async def get_conversation(
    session: AsyncSession | AsyncConnection, *, conversation_id: UUID, account_id: UUID
) -> ConversationFact:
    """Raises ``ConversationNotFound``."""
    mine = (conversation.c.id == conversation_id, conversation.c.account_id == account_id)
    row = (await session.execute(select(conversation).where(*mine))).one_or_none()
    if row is None:
        raise ConversationNotFound("There is no such conversation.")
    return _fact(row)


async def list_conversations(
    session: AsyncSession | AsyncConnection, *, account_id: UUID, before: UUID | None, limit: int
) -> list[ConversationFact]:
    """A person's conversations, the newest begun first."""
    query = select(conversation).where(conversation.c.account_id == account_id)
    if before is not None:
        query = query.where(conversation.c.id < before)
    rows = await session.execute(query.order_by(conversation.c.id.desc()).limit(limit))
    return [_fact(row) for row in rows]


async def delete_conversation(session: AsyncSession, *, conversation_id: UUID, account_id: UUID) -> None:
    """Deletes it with its questions and answers; receipts, which show neither, stay.

    Raises ``ConversationNotFound``.
    """
    mine = (conversation.c.id == conversation_id, conversation.c.account_id == account_id)
    gone = await session.execute(delete(conversation).where(*mine).returning(conversation.c.id))
    if gone.scalar_one_or_none() is None:
        raise ConversationNotFound("There is no such conversation.")


async def delete_conversations(session: AsyncSession, *, account_id: UUID) -> None:
    """Deletes all of a person's conversations."""
    await session.execute(delete(conversation).where(conversation.c.account_id == account_id))


def _fact(row: Row[Any]) -> ConversationFact:
    return ConversationFact(row.id, row.title, row.created_at, row.updated_at)
