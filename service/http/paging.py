"""Lists: ``limit`` and ``cursor`` in, ``data`` and ``next_cursor`` out.

A cursor is opaque: a version, a position and a signature over both and over what the cursor is bound to (the
filters and whoever asks), so that one taken from another list, or made up, is refused.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from service.http.inputs import InvalidInput
from service.platform.sealing import derive_key

T = TypeVar("T")
P = TypeVar("P")

VERSION = 1
SIGNATURE_BYTES = 12
LONGEST = 2048

_signing = {"key": secrets.token_bytes(32)}


class InvalidCursor(Exception):
    """The cursor is not one that this list gave out."""

    errors = (("cursor", "is not one that this list gave out"),)

    def __init__(self) -> None:
        super().__init__("The cursor is not one that this list gave out.")


class Page(msgspec.Struct, Generic[T], kw_only=True):
    """A part of a list; ``next_cursor`` is null on the last."""

    data: list[T]
    next_cursor: str | None = None


@dataclass(frozen=True)
class PageRequest:
    """Which part of a list is asked for."""

    limit: int
    cursor: str | None = None


def sign_cursors_with(secret: str) -> None:
    """Makes cursors outlive this process. Without it they are signed with a key of the process's own."""
    _signing["key"] = derive_key(secret, "cursor")


def page_request(limit: int | None, cursor: str | None, *, default: int, maximum: int) -> PageRequest:
    """Raises ``InvalidInput`` for a limit outside 1 to ``maximum``."""
    if limit is not None and not 1 <= limit <= maximum:
        raise InvalidInput(("limit", f"must be 1 to {maximum}"))
    return PageRequest(limit=limit or default, cursor=cursor or None)


def encode_cursor(position: list[Any], bound: str) -> str:
    """A cursor to ``position`` (JSON values, UUIDs, times), good only with the same ``bound``."""
    payload = msgspec.json.encode([VERSION, position])
    return base64.urlsafe_b64encode(_signature(payload, bound) + payload).rstrip(b"=").decode()


def decode_cursor(cursor: str, bound: str) -> list[Any]:
    """The position, as JSON values (UUIDs and times are strings by now). Raises ``InvalidCursor``."""
    try:
        if len(cursor) > LONGEST or not cursor.isascii():
            raise InvalidCursor
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        signature, payload = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, _signature(payload, bound)):
            raise InvalidCursor
        version, position = msgspec.json.decode(payload, type=tuple[int, list[Any]])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise InvalidCursor from None
    if version != VERSION:
        raise InvalidCursor
    return position


def _signature(payload: bytes, bound: str) -> bytes:
    return hmac.new(_signing["key"], bound.encode() + b"\0" + payload, hashlib.sha256).digest()[
        :SIGNATURE_BYTES
    ]


def position_of(page: PageRequest, bound: str) -> UUID | None:
    """Where a list ordered by id goes on, or ``None`` for its beginning. Raises ``InvalidCursor``."""
    return place_of(page, bound, UUID)


def place_of(page: PageRequest, bound: str, read: Callable[..., P]) -> P | None:
    """Where a list goes on that is in another order: what ``read`` makes of the parts of its positions (JSON
    values), or ``None`` for its beginning. Raises ``InvalidCursor``."""
    return None if page.cursor is None else read(*decode_cursor(page.cursor, bound))


def paged(rows: list[T], page: PageRequest, bound: str, *, position: Callable[[T], object]) -> Page[T]:
    """A page of rows of which one more than ``page.limit`` was asked for: the one too many tells that the
    list goes on. A position of several parts is a tuple."""
    shown = rows[: page.limit]
    if len(rows) <= page.limit:
        return Page(data=shown)
    last = position(shown[-1])
    parts = list(last) if isinstance(last, tuple) else [last]
    return Page(data=shown, next_cursor=encode_cursor(parts, bound))
