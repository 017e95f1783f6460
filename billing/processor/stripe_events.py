"""Webhooks in: what Stripe sent, verified against the raw bytes."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import stripe
from stripe import WebhookSignature

from billing.processor.port import ProcessorEvent
from billing.processor.stripe_snapshots import moment

TOLERANCE_SECONDS = 300
"""How old a signature may be: an older one may be a recording."""

MAX_TEXT = 255

API_VERSION: str = stripe.api_version
"""What the SDK asks in, and webhook endpoints are to be set to."""

Endpoint = Literal["snapshot", "thin"]
_OBJECT: Mapping[Endpoint, str] = {"snapshot": "event", "thin": "v2.core.event"}


class InvalidEvent(Exception):
    """The body is not an event of Stripe's, signed a short while ago with one of our secrets."""


def verified(
    raw: bytes, signature: str | None, secrets: Sequence[str], *, endpoint: Endpoint
) -> ProcessorEvent:
    """The event in ``raw``, signed with any of ``secrets`` (several during a rotation), at whatever time:
    that is ``require_young``'s to judge.

    Raises ``InvalidEvent`` for a signature or body that is missing, forged, odd or not UTF-8, and for an
    event of the other endpoint.
    """
    if not signature or not signature.isascii():
        raise InvalidEvent("the Stripe-Signature header is missing or malformed")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise InvalidEvent("the body is not UTF-8") from None
    if not any(_signed(text, signature, secret) for secret in secrets):
        raise InvalidEvent("the signature does not match")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidEvent("the body is not JSON") from None
    if not isinstance(body, dict) or body.get("object") != _OBJECT[endpoint]:
        raise InvalidEvent("the body is not an event of this endpoint")
    return read(body, raw)


def require_young(signature: str, *, now: datetime) -> None:
    """Raises ``InvalidEvent`` for a signature, good otherwise, of more than ``TOLERANCE_SECONDS`` ago.

    The caller says what time it is: the clock of the machine that was called may be off.
    """
    signed_at = next(part[2:] for part in signature.split(",") if part.startswith("t="))
    if int(signed_at) < now.timestamp() - TOLERANCE_SECONDS:
        raise InvalidEvent("the signature is too old")


def _signed(text: str, signature: str, secret: str) -> bool:
    try:
        # With no tolerance the SDK does not look at this machine's clock.
        WebhookSignature.verify_header(text, signature, secret, tolerance=None)
    except Exception:
        # Whatever a forged header provokes inside the SDK, it is a bad signature and never a 500.
        return False
    return True


def read(body: Mapping[str, Any], raw: bytes) -> ProcessorEvent:
    """An event, snapshot or thin, from its parsed body. Raises ``InvalidEvent`` for any other shape."""
    thin = body.get("object") == "v2.core.event"
    subject = _within(body, "related_object") if thin else _within(_within(body, "data"), "object")
    event_id = _text(body, "id")
    object_id = _optional(subject, "id") or event_id
    account = _optional(body, "context" if thin else "account")
    return ProcessorEvent(
        id=event_id,
        type=_text(body, "type"),
        account=account,
        object_id=object_id,
        lane=_lane(subject) or account or object_id,
        created_at=_created(body.get("created")),
        livemode=body.get("livemode") is True,
        api_version=_optional(body, "api_version"),
        raw=raw,
    )


def _within(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, Mapping) else {}


def _lane(subject: Mapping[str, Any]) -> str | None:
    """What is worked one at a time: all of a customer's objects; else all of a payment's."""
    for key in ("customer", "payment_intent", "charge", "account"):
        value = subject.get(key)
        found = value.get("id") if isinstance(value, Mapping) else value
        if isinstance(found, str) and _fits(found):
            return found
    return _optional(subject, "id") if subject.get("object") != "application" else None


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value or not _fits(value):
        raise InvalidEvent(f"the event's {key} is missing or malformed")
    return value


def _optional(body: Mapping[str, Any], key: str) -> str | None:
    return None if body.get(key) is None else _text(body, key)


def _fits(value: str) -> bool:
    """Whether PostgreSQL can keep it: no NUL, no lone surrogate, not endless. Ids are printable ASCII."""
    return len(value) <= MAX_TEXT and value.isascii() and value.isprintable()


def _created(value: object) -> datetime:
    """Snapshot events say seconds, thin ones RFC 3339."""
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value).astimezone(UTC)
        if isinstance(value, int) and not isinstance(value, bool):
            return moment(value)
    except (ValueError, OverflowError, OSError):
        pass
    raise InvalidEvent("the event's created is missing or malformed")
