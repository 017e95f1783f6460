"""Programs ask by key: one unit of the meter ``answers`` an answer that is not refused."""

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from service.access.calls import KeyPrincipal
from service.answering.answers import AnswerFact
from service.enterprise_api.asking import AnswersBody
from service.http.asking import STREAMED, answered, checked_ids, checked_text, wants_stream
from service.http.keys import KeyCredential
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases.ask_question import Question, ask_question
from service.usecases.context import Context


@post("/answers", status_code=200, **STREAMED)
async def ask(
    request: Request[Any, Any, Any],
    data: JSONBody[AnswersBody],
    credential: NamedDependency[KeyCredential],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Response[AnswerFact]:
    """An answer with its citations; `conversation_id` is null, for keys have no conversations."""
    settings = context.settings
    question = Question(
        id=new_id(),
        receipt_id=new_id(),
        principal=KeyPrincipal(credential.secret_hash),
        knowledge_base_ids=checked_ids(
            data.knowledge_base_ids, "/knowledge_base_ids", most=settings.knowledge_bases_per_request
        ),
        text=checked_text(data.question, "/question", longest=settings.question_max_characters),
        once=once,
    )
    streamed = data.stream or wants_stream(request)
    reply = await ask_question(context, question=question, streamed=streamed)
    return await answered(request, reply, streamed=streamed, metered=True)


handlers = [ask]
