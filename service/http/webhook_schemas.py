"""What the doors take and show of webhook endpoints, their events and deliveries."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from service.outgoing.deliveries import Attempt
from service.outgoing.endpoints import Reason
from service.outgoing.log import Delivery, Event, State
from service.usecases.manage_webhook_endpoints import EndpointSecret

Url = Annotated[str, Meta(min_length=8, max_length=2000)]
Types = Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=100)]


class NewEndpoint(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`types` left out or null: all of them, those of later versions too."""

    url: Url
    types: Types | None = None


class EndpointChanges(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays as it is."""

    url: Url | UnsetType = UNSET
    types: Types | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class SecretRotation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """For `overlap_seconds` messages carry a signature of the secret before, too."""

    overlap_seconds: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 24 * 3600


class Replay(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`after`: an event's `cursor`, or a time (RFC 3339)."""

    after: Annotated[str, Meta(min_length=1, max_length=2000)]


class ShownSecret(msgspec.Struct, kw_only=True):
    """An endpoint with its secret, which is not shown again."""

    id: UUID
    url: str
    types: list[str] | None
    enabled: bool
    disabled_reason: Reason | None
    failing_since: datetime | None
    created_at: datetime
    secret: str

    @classmethod
    def of(cls, made: EndpointSecret) -> "ShownSecret":
        return cls(secret=made.secret, **made.endpoint.__dict__)


class ShownEvent(msgspec.Struct, kw_only=True):
    """An event, and the `cursor` to go on from after it."""

    id: UUID
    type: str
    timestamp: datetime
    data: dict[str, Any]
    cursor: str

    @classmethod
    def of(cls, event: Event, *, cursor: str) -> "ShownEvent":
        return cls(id=event.id, type=event.type, timestamp=event.timestamp, data=event.data, cursor=cursor)


class ShownDelivery(msgspec.Struct, kw_only=True):
    """An event on its way. While one of an object waits, later ones of the same object wait for it."""

    id: UUID
    event_id: UUID
    type: str
    object_id: UUID
    cause: Literal["event", "replay", "test"]
    status: State
    attempts: int
    next_attempt_at: datetime | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> "ShownDelivery":
        same = {name: getattr(delivery, name) for name in cls.__struct_fields__ if name != "status"}
        return cls(status=delivery.state, **same)


class DeliveryLog(msgspec.Struct, kw_only=True):
    """A delivery, with what each try was answered."""

    delivery: ShownDelivery
    attempts: list[Attempt]


class ReplayBegun(msgspec.Struct, kw_only=True):
    """`count` events are on their way; `next_after` is what to call again with, if there are more."""

    count: int
    next_after: str | None
