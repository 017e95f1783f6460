"""What programs send and get that search and ask."""

from uuid import UUID

from msgspec import Struct

from service.usecases.retrieve_passages import PassageFact, PassagesUsage

TOP_K = 10


class PassagesBody(Struct, forbid_unknown_fields=True, kw_only=True):
    query: str
    knowledge_base_ids: list[UUID]
    top_k: int = TOP_K


class Found(Struct, kw_only=True):
    """Best first. `text` is `revision.text[start:end]`, in Unicode code points."""

    passages: list[PassageFact]
    usage: PassagesUsage


class AnswersBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """`stream` asks for server-sent events, as `Accept: text/event-stream` does."""

    question: str
    knowledge_base_ids: list[UUID]
    stream: bool = False
