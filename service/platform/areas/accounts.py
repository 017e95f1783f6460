"""Settings of people, organizations and their credentials."""

from urllib.parse import urlsplit

import msgspec
from pydantic import BaseModel, Field, SecretStr, field_validator

from service.platform.areas.values import listed


class OidcProvider(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An OpenID provider that people may sign in by. ``email_domains``: whose addresses it is believed to
    have verified; none named: any, which is for providers of the public that verify all they vouch for."""

    name: str
    issuer: str
    client_id: str
    client_secret: str = ""
    scopes: str = "openid email profile"
    email_domains: tuple[str, ...] = ()


LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def read_providers(value: str) -> dict[str, OidcProvider]:
    """Providers by name, out of their JSON list. Raises ``ValueError``."""
    if not value.strip():
        return {}
    listed = msgspec.json.decode(value, type=list[OidcProvider])
    for provider in listed:
        parts = urlsplit(provider.issuer)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
        if not provider.name.isidentifier() or not provider.name.isascii():
            raise ValueError("A provider's name is made of ASCII letters, digits and underscores.")
        if not secure or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"The issuer of {provider.name} is no https address.")
        if "openid" not in provider.scopes.split():
            raise ValueError(f"The scopes of {provider.name} lack openid.")
    if len({provider.name for provider in listed}) != len(listed):
        raise ValueError("Two providers have one name.")
    return {provider.name: provider for provider in listed}


class AccountSettings(BaseModel):
    access_token_seconds: int = Field(3600, ge=1)
    refresh_token_days: int = Field(30, ge=1)
    password_min_length: int = Field(8, ge=1)
    password_max_length: int = Field(1024, ge=1)
    password_reset_hours: int = Field(1, ge=1)
    email_verification_hours: int = Field(72, ge=1)
    email_tokens_per_hour: int = Field(5, ge=1)
    """Letters that reset a password, and as many that confirm an address, to one account."""
    organization_max_members: int = Field(500, ge=1)
    organization_max_keys: int = Field(1000, ge=1)
    invitation_days: int = Field(14, ge=1)
    purge_seconds: int = Field(3600, ge=60)
    key_rotation_overlap_max_seconds: int = Field(7 * 24 * 3600, ge=0)
    operator_emails: str = ""
    """Comma-separated; these accounts may use ``/operator/v1``."""

    oidc_providers: SecretStr = SecretStr("")
    """A JSON list of providers, as ``OidcProvider`` has them."""
    oidc_timeout_seconds: float = Field(10.0, gt=0)
    oidc_metadata_seconds: int = Field(3600, ge=1)
    oidc_keys_pause_seconds: float = Field(10.0, ge=0)
    oidc_attempt_minutes: int = Field(10, ge=1)
    oidc_ticket_seconds: int = Field(60, ge=1)

    @field_validator("oidc_providers")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        read_providers(value.get_secret_value())
        return value

    @property
    def oidc(self) -> dict[str, OidcProvider]:
        return read_providers(self.oidc_providers.get_secret_value())

    @property
    def operators(self) -> frozenset[str]:
        return frozenset(email.lower() for email in listed(self.operator_emails))
