"""Answers in OpenAI's shapes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote
from uuid import UUID

from msgspec import UNSET

from service.answering.answers import AnswerFact, KeptAnswer
from service.answering.counting import counted_tokens
from service.answering.drafting import Citation
from service.enterprise_api.openai_schemas import (
    AnswerMessage,
    ChatAnnotation,
    ChatCompletion,
    ChatUsage,
    Choice,
    Fault,
    ModelResponse,
    OutputMessage,
    OutputPart,
    Place,
    ResponsesUsage,
    TextAnnotation,
)
from service.usecases.retrieve_passages import PassageFact

_MARKER = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Asking:
    """What an answer is rendered with: the model as it was named, the texts that were sent, the service's own
    address, the slugs by id of the bases asked, and the instructions, which are said again."""

    model: str
    told: tuple[str, ...]
    public_url: str
    slugs: Mapping[UUID, str]
    instructions: str | None = None


def created(answer_id: UUID) -> int:
    """The Unix second an answer was asked for in: a UUIDv7 begins with its milliseconds."""
    return (answer_id.int >> 80) // 1000


def tokens(asking: Asking, kept: KeptAnswer) -> tuple[int, int]:
    """Of what went in and of what came out."""
    spent = kept.input_tokens, kept.output_tokens
    into = counted_tokens(*asking.told) if spent[0] is None else spent[0]
    return into, counted_tokens(kept.answer.text) if spent[1] is None else spent[1]


def places(asking: Asking, answer: AnswerFact) -> list[Place]:
    """Every marker of the text. What only looks like one, in words quoted from a source, is not."""
    cited = {citation.marker: citation for citation in answer.citations}
    quoted = [span for citation in answer.citations for span in _spans(answer.text, citation.quote)]
    return [
        Place(
            start_index=found.start(),
            end_index=found.end(),
            url=page_of(asking.public_url, asking.slugs, cited[found[1]]),
            title=cited[found[1]].title,
        )
        for found in _MARKER.finditer(answer.text)
        if found[1] in cited and not any(start <= found.start() < end for start, end in quoted)
    ]


def _spans(text: str, quoted: str) -> Iterator[tuple[int, int]]:
    start = text.find(quoted)
    while start >= 0:
        yield start, start + len(quoted)
        start = text.find(quoted, start + len(quoted))


def page_of(public_url: str, slugs: Mapping[UUID, str], cited: Citation | PassageFact) -> str:
    """The page that shows a span to whoever may read it."""
    slug = quote(slugs.get(cited.knowledge_base_id, str(cited.knowledge_base_id)), safe="")
    return (
        f"{public_url.rstrip('/')}/k/{slug}/d/{cited.document_id}"
        f"?revision_id={cited.revision_id}&start={cited.start}&end={cited.end}"
    )


def chat_usage(asking: Asking, kept: KeptAnswer) -> ChatUsage:
    into, out = tokens(asking, kept)
    return ChatUsage(prompt_tokens=into, completion_tokens=out, total_tokens=into + out)


def chat_finish(answer: AnswerFact) -> Literal["stop", "length"]:
    """``length`` for an answer that was cut short and is given again."""
    return "stop" if answer.interrupted is UNSET else "length"


def chat_annotations(asking: Asking, answer: AnswerFact) -> list[ChatAnnotation]:
    return [ChatAnnotation(url_citation=place) for place in places(asking, answer)]


def chat_completion(asking: Asking, kept: KeptAnswer) -> ChatCompletion:
    """The whole answer of ``/chat/completions``."""
    answer = kept.answer
    message = AnswerMessage(
        content=answer.text,
        refusal=answer.text if answer.refused else None,
        annotations=chat_annotations(asking, answer),
    )
    return ChatCompletion(
        id=f"chatcmpl-{answer.id}",
        created=created(answer.id),
        model=asking.model,
        choices=[Choice(message=message, finish_reason=chat_finish(answer))],
        usage=chat_usage(asking, kept),
    )


def text_part(asking: Asking, answer: AnswerFact) -> OutputPart:
    """The answer's text with its annotations."""
    annotations = [
        TextAnnotation(
            start_index=place.start_index, end_index=place.end_index, url=place.url, title=place.title
        )
        for place in places(asking, answer)
    ]
    return OutputPart(type="output_text", text=answer.text, annotations=annotations, logprobs=[])


def refusal_part(answer: AnswerFact) -> OutputPart:
    return OutputPart(type="refusal", refusal=answer.text)


def output_message(asking: Asking, answer: AnswerFact) -> OutputMessage:
    """A refused answer says so twice: as text for those who show text, as a refusal for those who look."""
    parts = [text_part(asking, answer)]
    if answer.refused:
        parts.append(refusal_part(answer))
    whole = answer.interrupted is UNSET
    return OutputMessage(id=f"msg_{answer.id}", status="completed" if whole else "incomplete", content=parts)


def begun_response(asking: Asking, answer_id: UUID) -> ModelResponse:
    """A response that has nothing yet."""
    return ModelResponse(
        id=f"resp_{answer_id}",
        created_at=created(answer_id),
        model=asking.model,
        status="in_progress",
        output=[],
        instructions=asking.instructions,
    )


def failed_response(asking: Asking, answer_id: UUID, fault: Fault) -> ModelResponse:
    """A response that will have nothing; nothing was billed."""
    response = begun_response(asking, answer_id)
    response.status, response.error = "failed", fault
    return response


def whole_response(asking: Asking, kept: KeptAnswer) -> ModelResponse:
    """The whole answer of ``/responses``."""
    answer = kept.answer
    response = begun_response(asking, answer.id)
    into, out = tokens(asking, kept)
    response.output = [output_message(asking, answer)]
    response.usage = ResponsesUsage(input_tokens=into, output_tokens=out, total_tokens=into + out)
    if answer.interrupted is UNSET:
        response.status = "completed"
    else:
        response.status, response.incomplete_details = "incomplete", {"reason": "max_output_tokens"}
    return response
