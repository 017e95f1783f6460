"""People read what they were answered, and delete it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from service.answering import answers, conversations
from service.answering.answers import AnswerFact, Turn
from service.answering.conversations import ConversationFact
from service.usecases.context import Context


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """A conversation with everything answered in it, oldest first."""

    id: UUID
    title: str
    created_at: datetime
    updated_at: datetime
    answers: list[Turn]


async def read_answer(context: Context, *, answer_id: UUID, account_id: UUID) -> AnswerFact:
    """A finished answer of one's own. Raises ``AnswerNotFound``."""
    async with context.database.reading() as connection:
        return await answers.get_answer(connection, answer_id=answer_id, account_id=account_id)


async def list_conversations(
    context: Context, *, account_id: UUID, before: UUID | None, limit: int
) -> list[ConversationFact]:
    """One's own, the newest begun first."""
    async with context.database.reading() as connection:
        return await conversations.list_conversations(
            connection, account_id=account_id, before=before, limit=limit
        )


async def read_conversation(context: Context, *, conversation_id: UUID, account_id: UUID) -> ConversationPage:
    """Raises ``ConversationNotFound``."""
    async with context.database.reading() as connection:
        found = await conversations.get_conversation(
            connection, conversation_id=conversation_id, account_id=account_id
        )
        turns = await answers.list_turns(connection, conversation_id)
    return ConversationPage(found.id, found.title, found.created_at, found.updated_at, turns)


async def delete_conversation(context: Context, *, conversation_id: UUID, account_id: UUID) -> None:
    """With its questions and answers; receipts stay. Raises ``ConversationNotFound``."""
    async with context.database.transaction() as session:
        await conversations.delete_conversation(
            session, conversation_id=conversation_id, account_id=account_id
        )


async def delete_conversations(context: Context, *, account_id: UUID) -> None:
    """All of one's own."""
    async with context.database.transaction() as session:
        await conversations.delete_conversations(session, account_id=account_id)
