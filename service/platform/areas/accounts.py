"""Settings of people, organizations and their credentials."""

from pydantic import BaseModel, Field

from service.platform.areas.values import listed


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

    @property
    def operators(self) -> frozenset[str]:
        return frozenset(email.lower() for email in listed(self.operator_emails))
