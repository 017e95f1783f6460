"""Somebody asks a question, of one knowledge base or of several, in one go or as a stream."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID
from weakref import WeakKeyDictionary

from billing.metering.counters import Pace
from service.access.calls import AccountPrincipal, Call, KeyPrincipal
from service.answering.answers import KeptAnswer, last_questions
from service.answering.conversations import follows_up, get_conversation, points_back, topic_of
from service.answering.receipts import publish_key, signer_of
from service.answering.records import RunningAnswer as RunningRow
from service.knowledge.knowledge_bases import find
from service.platform.database import Database
from service.platform.idempotency import Once
from service.usecases.admit_calls import admit_call
from service.usecases.answer_once import claim_answer, forget_call, lease, pass_again
from service.usecases.context import Context
from service.usecases.owned_tasks import own
from service.usecases.running_answer import Asked, Cited, Delta, Done, Event, Meta, RunningAnswer

_published: WeakKeyDictionary[Database, set[str]] = WeakKeyDictionary()

REMEMBERED = 6
"""How many questions of a conversation are gone back for what a follow-up is about."""


@dataclass(frozen=True, slots=True)
class Question:
    """``id``, ``receipt_id`` and ``new_conversation_id`` are fresh; the last is used by people who continue
    none. The text is not empty. ``knowledge_base_ids`` are distinct. ``earlier`` are questions asked before,
    newest first, by a program that keeps its conversations itself."""

    id: UUID
    receipt_id: UUID
    principal: KeyPrincipal | AccountPrincipal
    knowledge_base_ids: tuple[UUID, ...]
    text: str
    conversation_id: UUID | None = None
    new_conversation_id: UUID | None = None
    earlier: tuple[str, ...] = ()
    once: Once | None = None


class Reply:
    """An answer on its way, or one that was given before and is given again."""

    def __init__(self, running: RunningAnswer | KeptAnswer) -> None:
        self._running = running

    @property
    def cap_remaining(self) -> int | None:
        """Before settlement: what is left of the cap with this call's price taken."""
        if isinstance(self._running, KeptAnswer):
            return self._running.cap_remaining
        return self._running.admission.cap_remaining

    @property
    def pace(self) -> Pace | None:
        """What was left of the key's calls a minute; ``None`` for people, and for an answer given again."""
        return None if isinstance(self._running, KeptAnswer) else self._running.admission.pace

    async def whole(self) -> KeptAnswer:
        """The answer, settled; unbilled if its caller is cancelled before.

        Raises ``ModelUnavailable``, ``AnswerInterrupted``, ``ReservationExpired``.
        """
        if isinstance(self._running, KeptAnswer):
            return self._running
        try:
            return await self._running.whole()
        except asyncio.CancelledError:
            self._running.leave()
            raise

    def events(self) -> AsyncIterator[Event]:
        """The answer as it is made, to ``Done`` or ``Failed``; call ``leave`` when they are not read on."""
        return replayed(self._running) if isinstance(self._running, KeptAnswer) else self._running.events()

    def leave(self) -> None:
        """The reader is gone. Does not block."""
        if isinstance(self._running, RunningAnswer):
            self._running.leave()


async def ask_question(context: Context, *, question: Question, streamed: bool) -> Reply:
    """Admits the question and looks for passages; what can be refused is refused before this returns.

    Raises what ``admit_call`` raises, ``ConversationNotFound``, ``EngineUnavailable``,
    ``IdempotencyConflict`` and ``IdempotencyInProgress``.
    """
    once = lease(context, question.once)
    if (kept := await claim_answer(context, once)) is not None:
        await pass_again(
            context,
            principal=question.principal,
            meter="answers",
            knowledge_base_ids=question.knowledge_base_ids,
            grounds=kept.grounds,
            call_id=question.id,
        )
        return Reply(kept)
    try:
        running = await _begin(context, question, once, streamed=streamed)
    except BaseException:
        # Owned, for the caller may have left and be cancelled here.
        await asyncio.shield(own(forget_call(context, once)))
        raise
    try:
        await running.found()
    except BaseException:
        running.leave()
        raise
    return Reply(running)


async def _begin(context: Context, question: Question, once: Once | None, *, streamed: bool) -> RunningAnswer:
    earlier = await _earlier(context, question)
    conversation_id = question.conversation_id or question.new_conversation_id
    account_id = question.principal.account_id if isinstance(question.principal, AccountPrincipal) else None
    row = RunningRow(
        id=question.id,
        question=question.text,
        knowledge_base_ids=question.knowledge_base_ids,
        conversation_id=conversation_id,
        account_id=account_id,
        once_digest=None if once is None else once.digest,
    )
    await _publish_key(context)
    call = Call(question.id, question.principal, "answers", question.knowledge_base_ids, row)
    admission = await admit_call(context, call)
    leaning = earlier is not None and follows_up(question.text)
    asked = Asked(
        id=question.id,
        receipt_id=question.receipt_id,
        conversation_id=conversation_id,
        question=question.text,
        queries=_queries(question.text, earlier if leaning else None),
        earlier=earlier if leaning else None,
        once=once,
    )
    return RunningAnswer(context, admission, asked, streamed=streamed)


async def _earlier(context: Context, question: Question) -> str | None:
    """What this question would lean on, of its own conversation. Raises ``ConversationNotFound``."""
    if question.conversation_id is None or not isinstance(question.principal, AccountPrincipal):
        return topic_of(question.earlier[:REMEMBERED])
    async with context.database.reading() as connection:
        await get_conversation(
            connection, conversation_id=question.conversation_id, account_id=question.principal.account_id
        )
        return topic_of(await last_questions(connection, question.conversation_id, limit=REMEMBERED))


def _queries(text: str, topic: str | None) -> tuple[str, ...]:
    """A question that points back is looked for with its topic; one that is only short, by itself first."""
    if topic is None:
        return (text,)
    with_topic = f"{topic}\n{text}"
    return (with_topic,) if points_back(text) else (text, with_topic)


async def _publish_key(context: Context) -> None:
    """Before the first receipt that this process signs for this database."""
    signer = signer_of(context.settings.secret_key.get_secret_value())
    published = _published.setdefault(context.database, set())
    if signer.kid not in published:
        async with context.database.transaction() as session:
            await publish_key(session, signer)
        published.add(signer.kid)


async def replayed(kept: KeptAnswer) -> AsyncIterator[Event]:
    """A kept answer as a stream, its text in one delta."""
    answer = kept.answer
    yield Meta(answer.id, answer.conversation_id)
    if not answer.refused:
        yield Delta(answer.text)
        for citation in answer.citations:
            yield Cited(citation)
    yield Done(kept)


async def find_asked(context: Context, names: Sequence[str]) -> tuple[UUID, ...]:
    """The ids of knowledge bases named by id or slug. Raises ``KnowledgeBaseNotFound``."""
    async with context.database.reading() as connection:
        return tuple([(await find(connection, name)).id for name in names])
