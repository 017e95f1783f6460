"""What an import from the web lays by: the plan of its items, and each item as it was taken."""

from typing import Literal
from uuid import UUID

import msgspec

from service.knowledge.documents import Origin


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One document to be; of a feed's entry, with its ``key`` there and what it says itself (``html``, which
    is the article if ``whole``). A ``code`` says why there is nothing to take."""

    kind: Literal["url", "wechat_article", "feed"]
    name: str
    url: str | None = None
    title: str = ""
    author: str | None = None
    published: str | None = None
    html: str = ""
    whole: bool = False
    source_id: UUID | None = None
    key: str = ""
    sha256: str = ""
    code: str | None = None
    detail: str = ""
    sent: bool = False
    """It is a file that was sent with the request."""


class Plan(msgspec.Struct, frozen=True):
    """The items in order; ``expanded`` when no feed is left among them."""

    items: list[Item]
    expanded: bool = False


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """An item's document: ``name`` is the address it is known by. ``format`` is ``article`` for a page of
    ``service.knowledge.sources.articles``, else a file's extension; or a ``code`` says why there is none."""

    name: str
    title: str = ""
    format: str = "article"
    data: bytes = b""
    origin: Origin | None = None
    whole: bool = True
    """False for what a feed says of an article that could not be had: it is tried again at the next looks."""
    code: str | None = None
    detail: str = ""
    source_id: UUID | None = None
    key: str = ""
    sha256: str = ""


def plan_key(import_id: UUID) -> str:
    return f"imports/{import_id}"


def taken_key(import_id: UUID, position: int) -> str:
    return f"imports/{import_id}.{position}"


def sent_key(import_id: UUID) -> str:
    """Where a file lies that was sent with the request."""
    return f"imports/{import_id}.sent"


def pack(value: Plan | Taken) -> bytes:
    return msgspec.msgpack.encode(value)


def unpack_plan(data: bytes) -> Plan:
    return msgspec.msgpack.decode(data, type=Plan)


def unpack_taken(data: bytes) -> Taken:
    return msgspec.msgpack.decode(data, type=Taken)


def marked(taken: Taken, source_id: UUID, key: str, sha256: str) -> Taken:
    """The same, as an entry of a source that is kept in step."""
    return msgspec.structs.replace(taken, source_id=source_id, key=key, sha256=sha256)
