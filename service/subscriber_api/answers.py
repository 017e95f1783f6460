"""Questions, answers, conversations, receipts."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.access.calls import AccountPrincipal
from service.answering.answers import AnswerFact
from service.answering.conversations import ConversationFact
from service.http.asking import STREAMED, answered, checked_ids, checked_text, wants_stream
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.subscriber_api.schemas import Ask, AskSeveral
from service.usecases import read_conversations, read_receipt
from service.usecases.ask_question import Question, ask_question, find_asked
from service.usecases.context import Context
from service.usecases.read_conversations import ConversationPage
from service.usecases.read_receipt import ReceiptKeys, ReceiptPage

AnyRequest = Request[Any, Any, Any]


@post("/knowledge-bases/{knowledge_base:str}/ask", status_code=200, **STREAMED)
async def ask_one(
    request: AnyRequest,
    knowledge_base: FromPath[str],
    data: JSONBody[Ask],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Response[AnswerFact]:
    """Asks one knowledge base, named by id or slug."""
    question = checked_text(data.question, "/question", longest=context.settings.question_max_characters)
    ids = await find_asked(context, [knowledge_base])
    return await _ask(request, context, person, ids, question, data.conversation_id, once)


@post("/ask", status_code=200, **STREAMED)
async def ask_several(
    request: AnyRequest,
    data: JSONBody[AskSeveral],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Response[AnswerFact]:
    """Asks several at once; those that are not open to the reader are asked for their free documents only."""
    settings = context.settings
    question = checked_text(data.question, "/question", longest=settings.question_max_characters)
    ids = checked_ids(
        data.knowledge_base_ids, "/knowledge_base_ids", most=settings.knowledge_bases_per_request
    )
    return await _ask(request, context, person, ids, question, data.conversation_id, once)


async def _ask(
    request: AnyRequest,
    context: Context,
    person: Person,
    knowledge_base_ids: tuple[UUID, ...],
    text: str,
    conversation_id: UUID | None,
    once: Once | None,
) -> Response[AnswerFact]:
    streamed = wants_stream(request)
    question = Question(
        id=new_id(),
        receipt_id=new_id(),
        principal=AccountPrincipal(person.account_id),
        knowledge_base_ids=knowledge_base_ids,
        text=text,
        conversation_id=conversation_id,
        new_conversation_id=new_id(),
        once=once,
    )
    reply = await ask_question(context, question=question, streamed=streamed)
    return await answered(request, reply, streamed=streamed, metered=False)


@get("/answers/{answer_id:uuid}")
async def read_answer(
    answer_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> AnswerFact:
    """One of one's own, once it is finished."""
    return await read_conversations.read_answer(context, answer_id=answer_id, account_id=person.account_id)


@get("/conversations")
async def list_conversations(
    person: NamedDependency[Person], context: NamedDependency[Context], page: NamedDependency[PageRequest]
) -> Page[ConversationFact]:
    """One's own, the newest begun first."""
    bound = f"conversations:{person.account_id}"
    found = await read_conversations.list_conversations(
        context, account_id=person.account_id, before=position_of(page, bound), limit=page.limit + 1
    )
    return paged(found, page, bound, position=lambda row: row.id)


@delete("/conversations")
async def delete_conversations(person: NamedDependency[Person], context: NamedDependency[Context]) -> None:
    """All of one's own, with their answers; receipts stay, which show neither."""
    await read_conversations.delete_conversations(context, account_id=person.account_id)


@get("/conversations/{conversation_id:uuid}")
async def read_conversation(
    conversation_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> ConversationPage:
    """With everything answered in it, oldest first."""
    return await read_conversations.read_conversation(
        context, conversation_id=conversation_id, account_id=person.account_id
    )


@delete("/conversations/{conversation_id:uuid}")
async def delete_conversation(
    conversation_id: FromPath[UUID], person: NamedDependency[Person], context: NamedDependency[Context]
) -> None:
    """With its answers; receipts stay, which show neither."""
    await read_conversations.delete_conversation(
        context, conversation_id=conversation_id, account_id=person.account_id
    )


@get("/receipts/keys")
async def receipt_keys(context: NamedDependency[Context]) -> ReceiptKeys:
    """A JWK set: the public half of every key that ever signed a receipt."""
    return await read_receipt.read_receipt_keys(context)


@get("/receipts/{receipt_id:uuid}")
async def receipt(
    receipt_id: FromPath[UUID], visitor: NamedDependency[Person | None], context: NamedDependency[Context]
) -> ReceiptPage:
    """For everybody; `owner` is there for whoever asked, with what the hashes are of."""
    account_id = None if visitor is None else visitor.account_id
    return await read_receipt.read_receipt(context, receipt_id=receipt_id, account_id=account_id)


handlers = [
    ask_one,
    ask_several,
    read_answer,
    list_conversations,
    delete_conversations,
    read_conversation,
    delete_conversation,
    receipt_keys,
    receipt,
]
