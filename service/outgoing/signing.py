"""Messages as Standard Webhooks has them: what is sent, and how it is signed."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

PREFIX = "whsec_"
SECRET_BYTES = 32
USER_AGENT = "Zhihao-Webhooks/1"


@dataclass(frozen=True)
class Message:
    """One event as an endpoint gets it: the same bytes and the same id at every try."""

    id: UUID
    body: bytes


def new_secret() -> str:
    """256 random bits as an endpoint's owner is shown them."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def message(*, id: UUID, type: str, at: datetime, data: Mapping[str, Any]) -> Message:
    """``{"type", "timestamp", "data"}``, with its fields in one order."""
    timestamp = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    payload = {"type": type, "timestamp": timestamp, "data": dict(sorted(data.items()))}
    return Message(id, json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())


def headers(sent: Message, *, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """The headers of one try at ``at``, with a signature for each of ``secrets``: all that are in force."""
    timestamp = int(at.timestamp())
    signatures = " ".join(sign(secret, str(sent.id), timestamp, sent.body) for secret in secrets)
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": str(sent.id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures,
    }


def sign(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """``v1,`` and the HMAC-SHA256 of ``id.timestamp.body``. Raises ``ValueError`` for no secret of ours."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a secret is whsec_ and base64") from None
    signed = f"{id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
