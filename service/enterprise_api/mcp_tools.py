"""What agents may do over MCP: the four tools, behind the same gate and meter as the calls for programs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from service.access.calls import KeyPrincipal
from service.enterprise_api.asking import TOP_K
from service.enterprise_api.openai_reading import PREFIX, names_of
from service.enterprise_api.openai_rendering import page_of
from service.http.asking import checked_text, metering_headers
from service.http.inputs import InvalidInput, check_values, explained
from service.platform.ids import new_id
from service.usecases.ask_question import Question, ask_question
from service.usecases.context import Context
from service.usecases.name_models import find_models
from service.usecases.read_for_key import read_for_key
from service.usecases.retrieve_passages import retrieve_passages
from service.usecases.search_square import search_square

Base = Annotated[
    str, Meta(description="A knowledge base's slug or id; several are joined by +.", max_length=10_000)
]
CARDS = 10
READ_CHARACTERS = 20_000


class SearchSquare(Struct, forbid_unknown_fields=True, kw_only=True):
    query: Annotated[str, Meta(description="What to look for, in any language.")]
    limit: Annotated[int, Meta(ge=1, le=50)] = CARDS


class SearchKnowledgeBase(Struct, forbid_unknown_fields=True, kw_only=True):
    knowledge_base: Base
    query: Annotated[str, Meta(description="What the passages should speak of.")]
    top_k: Annotated[int, Meta(ge=1, description="How many passages at most.")] = TOP_K


class AskKnowledgeBase(Struct, forbid_unknown_fields=True, kw_only=True):
    knowledge_base: Base
    question: Annotated[str, Meta(description="One question that stands by itself.")]


class ReadDocument(Struct, forbid_unknown_fields=True, kw_only=True):
    knowledge_base: Annotated[str, Meta(description="The knowledge base's slug or id.")]
    document_id: UUID
    revision_id: UUID | None = None
    start: Annotated[int, Meta(ge=0, description="The code point to begin at.")] = 0
    length: Annotated[int, Meta(ge=1, le=READ_CHARACTERS)] = READ_CHARACTERS


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool found: for people and models, and for programs. ``headers`` are those of the same call over
    HTTP."""

    text: str
    content: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


async def _search_square(context: Context, _: KeyPrincipal, asked: SearchSquare) -> Told:
    found = await search_square(
        context,
        q=checked_text(asked.query, "/query", longest=context.settings.query_max_characters),
        category=None,
        tag=None,
        language=None,
        price=None,
        sort="relevance",
        limit=asked.limit,
        position=None,
    )
    cards = [msgspec.to_builtins(card) for card in found.cards]
    lines = [f"{card.slug}: {card.title}. {card.summary}" for card in found.cards]
    return Told("\n".join(lines) or "Nothing on the square matches.", {"data": cards, "total": found.total})


async def _search(context: Context, principal: KeyPrincipal, asked: SearchKnowledgeBase) -> Told:
    settings = context.settings
    if asked.top_k > settings.passages_max_top_k:
        raise InvalidInput(("/top_k", f"must be 1 to {settings.passages_max_top_k}"))
    slugs = await _bases(context, asked.knowledge_base)
    found = await retrieve_passages(
        context,
        id=new_id(),
        principal=principal,
        knowledge_base_ids=tuple(slugs),
        query=checked_text(asked.query, "/query", longest=settings.query_max_characters),
        top_k=asked.top_k,
        once=None,
    )
    urls = [page_of(settings.public_url, slugs, passage) for passage in found.passages]
    passages = [
        msgspec.to_builtins(passage) | {"url": url} for passage, url in zip(found.passages, urls, strict=True)
    ]
    lines = [f"{p.title} ({url})\n{p.text}" for p, url in zip(found.passages, urls, strict=True)]
    usage = {"billed_units": found.usage.billed_units, "cap_remaining": found.cap_remaining}
    headers = metering_headers(found.cap_remaining, found.usage.billed_units, pace=found.pace)
    text = "\n\n".join(lines) or "No passage was found."
    return Told(text, {"passages": passages, "usage": usage}, headers)


async def _ask(context: Context, principal: KeyPrincipal, asked: AskKnowledgeBase) -> Told:
    settings = context.settings
    slugs = await _bases(context, asked.knowledge_base)
    question = Question(
        id=new_id(),
        receipt_id=new_id(),
        principal=principal,
        knowledge_base_ids=tuple(slugs),
        text=checked_text(asked.question, "/question", longest=settings.question_max_characters),
    )
    reply = await ask_question(context, question=question, streamed=False)
    kept = await reply.whole()
    answer = kept.answer
    content = msgspec.to_builtins(answer)
    lines = [answer.text]
    for citation, shown in zip(answer.citations, content["citations"], strict=True):
        shown["url"] = page_of(settings.public_url, slugs, citation)
        lines.append(f"[{citation.marker}] {citation.title}: {shown['url']}")
    content["usage"] = {"billed_units": answer.usage.billed_units, "cap_remaining": kept.cap_remaining}
    headers = metering_headers(kept.cap_remaining, answer.usage.billed_units, pace=reply.pace)
    return Told("\n\n".join(lines), content, headers)


async def _read(context: Context, principal: KeyPrincipal, asked: ReadDocument) -> Told:
    page = await read_for_key(
        context,
        principal=principal,
        knowledge_base=asked.knowledge_base.removeprefix(PREFIX),
        document_id=asked.document_id,
        revision_id=asked.revision_id,
    )
    end = min(asked.start + asked.length, len(page.text))
    text = page.text[asked.start : end]
    content = {
        "id": str(page.id),
        "knowledge_base_id": str(page.knowledge_base_id),
        "revision_id": str(page.revision_id),
        "title": page.title,
        "text": text,
        "start": asked.start,
        "end": asked.start + len(text),
        "next_start": end if end < len(page.text) else None,
        "characters": len(page.text),
    }
    return Told(text, content)


async def _bases(context: Context, named: str) -> dict[UUID, str]:
    most = context.settings.knowledge_bases_per_request
    return await find_models(context, names_of(PREFIX + named.removeprefix(PREFIX), most=most))


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. ``run`` raises what its use case raises, and ``InvalidInput``."""

    name: str
    description: str
    takes: type[Struct]
    run: Callable[[Context, KeyPrincipal, Any], Awaitable[Told]]

    @property
    def schema(self) -> dict[str, Any]:
        _, parts = msgspec.json.schema_components([self.takes])
        return dict(parts[self.takes.__name__])

    async def call(self, context: Context, principal: KeyPrincipal, arguments: dict[str, Any]) -> Told:
        check_values(arguments)
        try:
            asked = msgspec.convert(arguments, self.takes, strict=True)
        except msgspec.ValidationError as error:
            raise InvalidInput(explained(str(error))) from None
        return await self.run(context, principal, asked)


TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "search_square",
            "Find knowledge bases by what they are about. Free. Their slugs are what the other tools take.",
            SearchSquare,
            _search_square,
        ),
        Tool(
            "search_knowledge_base",
            "The passages of a knowledge base nearest to a query, word for word, each with the page that "
            "shows it. Costs one unit of the meter passages.",
            SearchKnowledgeBase,
            _search,
        ),
        Tool(
            "ask_knowledge_base",
            "A short answer drawn from a knowledge base, every sentence cited, or a refusal when nothing "
            "in it supports one. Costs one unit of the meter answers; a refusal costs nothing.",
            AskKnowledgeBase,
            _ask,
        ),
        Tool(
            "read_document",
            "The text of a free document, in pieces: go on at next_start. Paid documents are opened by "
            "passages and answers only. Free.",
            ReadDocument,
            _read,
        ),
    )
}
