"""Answers as OpenAI's server-sent events, from the one stream of an answer's own."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from service.answering.answers import AnswerFact
from service.enterprise_api.openai_errors import detail_of
from service.enterprise_api.openai_rendering import (
    Asking,
    begun_response,
    chat_annotations,
    chat_finish,
    chat_usage,
    created,
    failed_response,
    output_message,
    refusal_part,
    text_part,
    whole_response,
)
from service.enterprise_api.openai_schemas import ErrorBody, Fault, OutputMessage, OutputPart
from service.http.asking import AnyRequest, kept_alive
from service.http.login import context_of
from service.http.responses import explain
from service.usecases.ask_question import Reply
from service.usecases.running_answer import Cited, Delta, Done, Event, Failed, Meta

WAITING = b": waiting\n\n"
END = b"data: [DONE]\n\n"


def _events(request: AnyRequest, reply: Reply) -> AsyncIterator[Event | None]:
    return kept_alive(reply.events(), context_of(request).settings.stream_keep_alive_seconds)


async def chat_chunks(
    request: AnyRequest, reply: Reply, asking: Asking, *, include_usage: bool
) -> AsyncIterator[bytes]:
    """The chunks of ``/chat/completions``: the text as it is verified, then its annotations at once."""
    head: dict[str, Any] = {}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data(head | {"choices": [choice]} | ({"usage": None} if include_usage else {}))

    async for event in _events(request, reply):
        match event:
            case None:
                yield WAITING
            case Meta():
                head = {
                    "id": f"chatcmpl-{event.id}",
                    "object": "chat.completion.chunk",
                    "created": created(event.id),
                    "model": asking.model,
                }
                yield chunk({"role": "assistant", "content": ""})
            case Delta():
                yield chunk({"content": event.text})
            case Cited():
                pass
            case Done():
                answer = event.kept.answer
                if answer.refused:
                    yield chunk({"content": answer.text, "refusal": answer.text})
                if annotations := chat_annotations(asking, answer):
                    yield chunk({"annotations": annotations})
                yield chunk({}, chat_finish(answer))
                if include_usage:
                    yield _data(head | {"choices": [], "usage": chat_usage(asking, event.kept)})
                yield END
            case Failed():
                yield _data(ErrorBody(error=detail_of(explain(request, event.error))))


async def response_events(request: AnyRequest, reply: Reply, asking: Asking) -> AsyncIterator[bytes]:
    """The events of ``/responses``, numbered from 0."""
    told = _Numbered()
    begun = None
    async for event in _events(request, reply):
        match event:
            case None:
                yield WAITING
            case Meta():
                begun = event.id
                response = begun_response(asking, event.id)
                yield told.event("response.created", response=response)
                yield told.event("response.in_progress", response=response)
                item = OutputMessage(id=f"msg_{event.id}", status="in_progress", content=[])
                told.item = {"item_id": item.id, "output_index": 0}
                yield told.event("response.output_item.added", output_index=0, item=item)
                part = OutputPart(type="output_text", text="", annotations=[], logprobs=[])
                yield told.of_part("response.content_part.added", 0, part=part)
            case Delta():
                yield told.of_part("response.output_text.delta", 0, delta=event.text, logprobs=[])
            case Cited():
                pass
            case Done():
                for line in _ended(told, asking, event.kept.answer):
                    yield line
                response = whole_response(asking, event.kept)
                yield told.event(f"response.{response.status}", response=response)
            case Failed():
                detail = detail_of(explain(request, event.error))
                assert begun is not None
                failed = failed_response(asking, begun, Fault(code=detail.code, message=detail.message))
                yield told.event("response.failed", response=failed)
                # Both ways in which clients look for it.
                flat = {"code": detail.code, "message": detail.message, "param": detail.param}
                yield told.event("error", error=detail, **flat)


def _ended(told: "_Numbered", asking: Asking, answer: AnswerFact) -> list[bytes]:
    """What closes the parts and the message."""
    whole = text_part(asking, answer)
    lines = []
    if answer.refused:
        lines.append(told.of_part("response.output_text.delta", 0, delta=answer.text, logprobs=[]))
    for index, annotation in enumerate(whole.annotations if isinstance(whole.annotations, list) else ()):
        lines.append(
            told.of_part(
                "response.output_text.annotation.added", 0, annotation_index=index, annotation=annotation
            )
        )
    lines.append(told.of_part("response.output_text.done", 0, text=answer.text, logprobs=[]))
    lines.append(told.of_part("response.content_part.done", 0, part=whole))
    if answer.refused:
        empty = OutputPart(type="refusal", refusal="")
        lines.append(told.of_part("response.content_part.added", 1, part=empty))
        lines.append(told.of_part("response.refusal.delta", 1, delta=answer.text))
        lines.append(told.of_part("response.refusal.done", 1, refusal=answer.text))
        lines.append(told.of_part("response.content_part.done", 1, part=refusal_part(answer)))
    item = output_message(asking, answer)
    lines.append(told.event("response.output_item.done", output_index=0, item=item))
    return lines


class _Numbered:
    """Makes events of one stream; ``item`` is the message that parts belong to."""

    def __init__(self) -> None:
        self._next = 0
        self.item: dict[str, Any] = {}

    def event(self, name: str, **members: Any) -> bytes:
        number, self._next = self._next, self._next + 1
        data = {"type": name, "sequence_number": number, **members}
        return b"event: %b\n%b" % (name.encode(), _data(data))

    def of_part(self, name: str, index: int, **members: Any) -> bytes:
        return self.event(name, **self.item, content_index=index, **members)


def _data(content: object) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(content)
