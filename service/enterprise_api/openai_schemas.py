"""OpenAI's shapes, as far as they are read and written here.

Clients send much more (temperatures, tools, users): it is read past, for it changes nothing here. What asks
for something that is not done here is refused by ``openai_reading``.
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

Part = dict[str, Any]


class ChatMessage(Struct, kw_only=True):
    """`content` is text or parts; only parts with text are read."""

    role: str
    content: str | list[Part] | None = None


class StreamOptions(Struct, kw_only=True):
    include_usage: bool | None = None


class ChatBody(Struct, kw_only=True):
    """`model` is `kb/<slug>`, or several joined by `+`. The last user message is the question. Answers are
    whole sentences with what they cite, as long as the service is set to make them: `stop`, `max_tokens`,
    `max_completion_tokens`, `temperature`, `tools` and whatever else clients send is read past. What they
    could not do without is refused: `n` above 1, a `response_format` but text, a forced tool, sound alone."""

    model: str
    messages: list[ChatMessage]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    response_format: Part | None = None
    tool_choice: str | Part | None = None
    modalities: list[str] | None = None


class ResponsesBody(Struct, kw_only=True):
    """`model` is `kb/<slug>`, or several joined by `+`. The last user message of `input` is the question.
    What else clients send (`temperature`, `tools` and so on) is read past, but not a forced tool."""

    model: str
    input: str | list[Part]
    instructions: str | None = None
    stream: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: str | Part | None = None
    text: Part | None = None
    tool_choice: str | Part | None = None


class Place(Struct, kw_only=True):
    """Where a marker stands in the answer's text, in Unicode code points, and the page of what it cites."""

    start_index: int
    end_index: int
    url: str
    title: str


class ChatAnnotation(Struct, kw_only=True):
    url_citation: Place
    type: Literal["url_citation"] = "url_citation"


class AnswerMessage(Struct, kw_only=True):
    """`refusal` repeats the text of an answer that nothing supports."""

    content: str
    refusal: str | None
    annotations: list[ChatAnnotation]
    role: Literal["assistant"] = "assistant"


class Choice(Struct, kw_only=True):
    message: AnswerMessage
    finish_reason: Literal["stop", "length"]
    index: int = 0
    logprobs: None = None


class ChatUsage(Struct, kw_only=True):
    """The model's own report; without one, a token for every four bytes of UTF-8."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(Struct, kw_only=True):
    id: str
    created: int
    model: str
    choices: list[Choice]
    usage: ChatUsage
    object: Literal["chat.completion"] = "chat.completion"


class TextAnnotation(Place, kw_only=True):
    type: Literal["url_citation"] = "url_citation"


class OutputPart(Struct, kw_only=True):
    """A part of the answer: `output_text` with its `text`, or `refusal`."""

    type: Literal["output_text", "refusal"]
    text: str | UnsetType = UNSET
    annotations: list[TextAnnotation] | UnsetType = UNSET
    logprobs: list[Part] | UnsetType = UNSET
    refusal: str | UnsetType = UNSET


class OutputMessage(Struct, kw_only=True):
    id: str
    status: Literal["in_progress", "completed", "incomplete"]
    content: list[OutputPart]
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"


class ResponsesUsage(Struct, kw_only=True):
    """The model's own report; without one, a token for every four bytes of UTF-8."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: dict[str, int] = field(default_factory=lambda: {"cached_tokens": 0})
    output_tokens_details: dict[str, int] = field(default_factory=lambda: {"reasoning_tokens": 0})


class Fault(Struct, kw_only=True):
    code: str
    message: str


class ModelResponse(Struct, kw_only=True):
    """Nothing is stored to be continued: `store` is false, whatever was asked."""

    id: str
    created_at: int
    model: str
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    output: list[OutputMessage]
    usage: ResponsesUsage | None = None
    error: Fault | None = None
    incomplete_details: dict[str, str] | None = None
    object: Literal["response"] = "response"
    instructions: str | None = None
    previous_response_id: None = None
    max_output_tokens: None = None
    temperature: None = None
    top_p: None = None
    metadata: dict[str, str] = field(default_factory=dict)
    parallel_tool_calls: bool = False
    tool_choice: Literal["none"] = "none"
    tools: list[Part] = field(default_factory=list)
    truncation: Literal["disabled"] = "disabled"
    text: Part = field(default_factory=lambda: {"format": {"type": "text"}})
    store: bool = False
    background: bool = False


class ModelCard(Struct, kw_only=True):
    """A knowledge base as a model: `id` is what to ask it by, `owned_by` its creator's handle."""

    id: str
    created: int
    owned_by: str
    object: Literal["model"] = "model"


class ModelList(Struct, kw_only=True):
    data: list[ModelCard]
    object: Literal["list"] = "list"


class ErrorDetail(Struct, kw_only=True):
    """`code` is stable; `param` names what was wrong in the request, if anything was."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorBody(Struct, kw_only=True):
    error: ErrorDetail
