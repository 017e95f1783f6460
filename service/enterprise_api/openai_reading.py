"""What is asked in OpenAI's shapes: the question, what it follows, and of which knowledge bases."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.enterprise_api.openai_schemas import ChatBody, ChatMessage, Part, ResponsesBody
from service.http.asking import checked_text
from service.http.inputs import InvalidInput

PREFIX = "kb/"
TEXTS = frozenset({"text", "input_text", "output_text"})
PLAIN = {"type": "text"}


@dataclass(frozen=True, slots=True)
class Conversation:
    """``earlier`` are the questions before, newest first; ``told`` is every text that was sent."""

    question: str
    earlier: tuple[str, ...]
    told: tuple[str, ...]


def names_of(model: str, *, most: int) -> list[str]:
    """Slugs or ids; what names no knowledge base becomes a name of nothing. Raises ``InvalidInput``."""
    names = [name.removeprefix(PREFIX) for name in model.split("+")] if model.startswith(PREFIX) else [""]
    if len(names) > most:
        raise InvalidInput(("/model", f"must name at most {most} knowledge bases"))
    return names


def read_chat(body: ChatBody, *, longest: int) -> Conversation:
    """Raises ``InvalidInput``, also for what a client could not do without and is not done here."""
    if body.n not in {None, 1}:
        raise InvalidInput(("/n", "must be 1: there is one answer"))
    if body.response_format not in (None, PLAIN):
        raise InvalidInput(("/response_format", "must be text: answers quote what they cite"))
    if body.modalities is not None and "text" not in body.modalities:
        raise InvalidInput(("/modalities", "must have text: answers are written"))
    _refuse_forced_tool(body.tool_choice)
    return _read(body.messages, "/messages", longest=longest)


def read_input(body: ResponsesBody, *, longest: int) -> Conversation:
    """As ``read_chat``."""
    for name, wanted in (
        ("background", body.background),
        ("previous_response_id", body.previous_response_id),
        ("conversation", body.conversation),
    ):
        if wanted:
            raise InvalidInput((f"/{name}", "is not offered here; send the messages before in input"))
    if body.text is not None and body.text.get("format") not in (None, PLAIN):
        raise InvalidInput(("/text/format", "must be text: answers quote what they cite"))
    _refuse_forced_tool(body.tool_choice)
    sent = body.input
    messages = [ChatMessage(role="user", content=sent)] if isinstance(sent, str) else list(_messages(sent))
    return _read(messages, "/input", longest=longest, instructions=body.instructions)


def _refuse_forced_tool(choice: str | Part | None) -> None:
    """Tools that may be used are not; one that must be would be waited for."""
    allowed = choice.get("mode") == "auto" if isinstance(choice, dict) else choice in {None, "none", "auto"}
    if not allowed:
        raise InvalidInput(("/tool_choice", "must be auto or none: no tool is called here"))


def _messages(items: Sequence[Part]) -> Iterable[ChatMessage]:
    """What is no message, such as a call of a tool, has neither role nor text and is read past."""
    for index, item in enumerate(items):
        role, content = item.get("role", ""), item.get("content")
        if not isinstance(role, str) or not isinstance(content, str | list | None):
            raise InvalidInput((f"/input/{index}", "must be a message of a role and a content"))
        if isinstance(content, list) and not all(isinstance(part, dict) for part in content):
            raise InvalidInput((f"/input/{index}/content", "must be text or a list of parts"))
        yield ChatMessage(role=role, content=content)


def _read(
    messages: Sequence[ChatMessage], pointer: str, *, longest: int, instructions: str | None = None
) -> Conversation:
    """Only users ask: what system and developer messages say neither widens nor narrows anything."""
    asked: list[tuple[int, str]] = []
    told: list[str] = [instructions] if instructions else []
    for index, message in enumerate(messages):
        text = _text(message, f"{pointer}/{index}/content")
        told.append(text)
        if message.role == "user":
            asked.append((index, text))
    if not asked:
        raise InvalidInput((pointer, "must hold a message of the role user: the question"))
    last, question = asked.pop()
    earlier = (text.strip()[:longest] for _, text in reversed(asked))
    return Conversation(
        question=checked_text(question, f"{pointer}/{last}/content", longest=longest),
        earlier=tuple(text for text in earlier if text),
        told=tuple(told),
    )


def _text(message: ChatMessage, pointer: str) -> str:
    if not isinstance(message.content, list):
        return message.content or ""
    texts = []
    for index, part in enumerate(message.content):
        text = part.get("text")
        if part.get("type") in TEXTS and isinstance(text, str):
            texts.append(text)
        elif message.role == "user":
            raise InvalidInput((f"{pointer}/{index}", "must be a part of text: nothing else is read here"))
    return "\n".join(texts)
