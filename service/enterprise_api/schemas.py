"""What people of an organization send and get."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from billing.money import Money
from service.accounts.api_keys import Key, Scope
from service.accounts.organizations import Role
from service.accounts.secrets import Mode
from service.http.texts import Email

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S")]
Url = Annotated[str, Meta(min_length=8, max_length=2000, pattern=r"^https?://[^\s/?#]+")]
Seconds = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class NewOrganization(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: Name


class NewInvitation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    email: Email
    role: Role


class RoleChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    role: Role


class NewKey(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`knowledge_base_ids` narrows what the key may ask; `rate_limit` is calls a minute."""

    name: Name
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=10)]
    knowledge_base_ids: Annotated[list[UUID], Meta(max_length=1000)] | None = None
    monthly_cap: Money | None = None
    rate_limit: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class Rotation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """For `overlap_seconds` the secrets before the new one still work."""

    overlap_seconds: Seconds = 0


class KeySecret(msgspec.Struct, kw_only=True):
    """A key with its secret, which is not shown again."""

    id: UUID
    organization_id: UUID
    name: str
    secret: str
    mode: Mode
    prefix: str
    scopes: list[Scope]
    knowledge_base_ids: list[UUID] | None
    monthly_cap: Money | None
    rate_limit: int | None
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    last_used_at: datetime | None = None

    @classmethod
    def of(cls, key: Key, secret: str) -> "KeySecret":
        return cls(secret=secret, **{name: getattr(key, name) for name in Key.__dataclass_fields__})


class PortalBody(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where whoever pays comes back to; the service's own address if it is left out."""

    return_url: Url | None = None
