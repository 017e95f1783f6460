"""Knowledge bases as models of OpenAI's API, for clients that were written for it.

The same gate, meter and answers as ``/api/v1/answers``: one unit of the meter ``answers`` an answer that is
not refused.
"""

from typing import Any
from uuid import UUID

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from service.access.admission import KnowledgeBaseUnavailable
from service.access.calls import KeyPrincipal
from service.enterprise_api.openai_errors import ADDRESS, EXCEPTION_HANDLERS, OPENAI_ERRORS
from service.enterprise_api.openai_reading import PREFIX, Conversation, names_of, read_chat, read_input
from service.enterprise_api.openai_rendering import Asking, chat_completion, whole_response
from service.enterprise_api.openai_schemas import (
    ChatBody,
    ChatCompletion,
    ModelCard,
    ModelList,
    ModelResponse,
    ResponsesBody,
)
from service.enterprise_api.openai_streams import chat_chunks, response_events
from service.http.asking import EVENT_STREAM, AnswerStream, metering_headers
from service.http.keys import KeyCredential
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases.ask_question import Question, Reply, ask_question
from service.usecases.context import Context
from service.usecases.name_models import ModelFact, find_models, list_models

AnyRequest = Request[Any, Any, Any]


@post(
    "/chat/completions",
    status_code=200,
    opt={"media_types": (EVENT_STREAM,)},
    responses={
        200: ResponseSpec(
            data_container=ChatCompletion,
            description="The answer; with `stream`, its chunks as server-sent events, then `[DONE]`.",
            generate_examples=False,
        ),
    },
)
async def complete_chat(
    request: AnyRequest,
    data: JSONBody[ChatBody],
    credential: NamedDependency[KeyCredential],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Response[ChatCompletion]:
    """Answers the last user message; the ones before it are its conversation, which is not kept here."""
    conversation = read_chat(data, longest=context.settings.question_max_characters)
    slugs = await _models(context, data.model)
    asking = Asking(data.model, conversation.told, context.settings.public_url, slugs)
    reply = await _ask(context, credential, conversation, tuple(slugs), once, streamed=bool(data.stream))
    if data.stream:
        usage = data.stream_options is not None and bool(data.stream_options.include_usage)
        chunks = chat_chunks(request, reply, asking, include_usage=usage)
        stream: Response[Any] = AnswerStream(chunks, reply, headers=_metered(reply))
        return stream
    kept = await reply.whole()
    headers = metering_headers(kept.cap_remaining, kept.answer.usage.billed_units, pace=reply.pace)
    return Response(chat_completion(asking, kept), media_type=MediaType.JSON, headers=headers)


@post(
    "/responses",
    status_code=200,
    opt={"media_types": (EVENT_STREAM,)},
    responses={
        200: ResponseSpec(
            data_container=ModelResponse,
            description="The answer; with `stream`, its events, from `response.created` on.",
            generate_examples=False,
        ),
    },
)
async def respond(
    request: AnyRequest,
    data: JSONBody[ResponsesBody],
    credential: NamedDependency[KeyCredential],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> Response[ModelResponse]:
    """Answers the last user message of the input; nothing is stored that could be continued."""
    conversation = read_input(data, longest=context.settings.question_max_characters)
    slugs = await _models(context, data.model)
    asking = Asking(data.model, conversation.told, context.settings.public_url, slugs, data.instructions)
    reply = await _ask(context, credential, conversation, tuple(slugs), once, streamed=bool(data.stream))
    if data.stream:
        events = response_events(request, reply, asking)
        stream: Response[Any] = AnswerStream(events, reply, headers=_metered(reply))
        return stream
    kept = await reply.whole()
    headers = metering_headers(kept.cap_remaining, kept.answer.usage.billed_units, pace=reply.pace)
    return Response(whole_response(asking, kept), media_type=MediaType.JSON, headers=headers)


def _metered(reply: Reply) -> dict[str, str]:
    return metering_headers(reply.cap_remaining, pace=reply.pace)


async def _models(context: Context, model: str) -> dict[UUID, str]:
    return await find_models(context, names_of(model, most=context.settings.knowledge_bases_per_request))


async def _ask(
    context: Context,
    credential: KeyCredential,
    conversation: Conversation,
    knowledge_base_ids: tuple[UUID, ...],
    once: Once | None,
    *,
    streamed: bool,
) -> Reply:
    question = Question(
        id=new_id(),
        receipt_id=new_id(),
        principal=KeyPrincipal(credential.secret_hash),
        knowledge_base_ids=knowledge_base_ids,
        text=conversation.question,
        earlier=conversation.earlier,
        once=once,
    )
    return await ask_question(context, question=question, streamed=streamed)


@get("/models")
async def models(credential: NamedDependency[KeyCredential], context: NamedDependency[Context]) -> ModelList:
    """The knowledge bases that this key may ask under a contract, the newest first."""
    found = await list_models(context, secret_hash=credential.secret_hash)
    return ModelList(data=[_card(model) for model in found])


@get("/models/{model:path}")
async def model(
    model: FromPath[str], credential: NamedDependency[KeyCredential], context: NamedDependency[Context]
) -> ModelCard:
    """One of them, by its name."""
    slug = model.strip("/").removeprefix(PREFIX)
    found = await list_models(context, secret_hash=credential.secret_hash, slug=slug)
    if not found:
        raise KnowledgeBaseUnavailable("no such knowledge base")
    return _card(found[0])


def _card(model: ModelFact) -> ModelCard:
    return ModelCard(
        id=PREFIX + model.slug, created=int(model.published_at.timestamp()), owned_by=model.creator
    )


router = Router(
    path=ADDRESS,
    route_handlers=[complete_chat, respond, models, model],
    exception_handlers=EXCEPTION_HANDLERS,
    opt={"errors_as": OPENAI_ERRORS},
    tags=["AI clients"],
)
